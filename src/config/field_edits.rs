//! Header fields that a route sets, adds and removes, from the file.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::field_name::{self, Refusal};
use super::file;
use super::problem::Problems;
use crate::routing::FieldEdits;

/// The longest file of a value.
const MAX_VALUE: u64 = 8 << 10;

/// Fields that carry secrets: their values come from files.
const SECRET: [&str; 2] = ["authorization", "cookie"];

/// The message that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A request, whose own token the upstream gets, or doesn't.
    Request { forwards_token: bool },
    /// A response.
    Response,
}

/// Reads the changes at `path`. The fields of `claims` are written from the token's claims.
pub(super) fn build(
    path: &str,
    file: &file::FieldEdits,
    message: Message,
    claims: &[HeaderName],
    problems: &mut Problems<'_>,
) -> FieldEdits {
    if file.remove.is_empty() && file.set.is_empty() && file.add.is_empty() {
        problems.add(path, "nothing is changed here", "add `set`, `add` or `remove`, or remove the field");
    }
    let files = file.set.iter().chain(&file.add).filter_map(|field| field.value_file.as_ref());
    let mut edits = FieldEdits { files: files.map(PathBuf::from).collect(), ..FieldEdits::default() };
    for (at, name) in file.remove.iter().enumerate() {
        match check(name, message, claims, true) {
            Ok(name) => edits.remove.push(name),
            Err((text, fix)) => problems.add(&format!("{path}.remove[{at}]"), text, fix),
        }
    }
    for (list, files) in [("set", &file.set), ("add", &file.add)] {
        for (at, field) in files.iter().enumerate() {
            let path = format!("{path}.{list}[{at}]");
            let name = check(&field.name, message, claims, false).map_err(|(text, fix)| {
                problems.add(&format!("{path}.name"), text, fix);
            });
            let value = value(&path, field, problems);
            let (Ok(name), Some(value)) = (name, value) else { continue };
            let replaced = edits.set.iter().any(|(set, _)| *set == name) || edits.remove.contains(&name);
            if list == "set" && replaced {
                problems.add(&path, format!("`{name}` is set or removed above"), "keep one of them");
            }
            if list == "set" { &mut edits.set } else { &mut edits.add }.push((name, value));
        }
    }
    edits
}

fn check(name: &str, message: Message, claims: &[HeaderName], removed: bool) -> Result<HeaderName, Refusal> {
    let parsed = match message {
        Message::Request { .. } => field_name::in_request(name)?,
        Message::Response => field_name::in_response(name)?,
    };
    if message != Message::Response && field_name::is_one_of(name, claims) {
        let text = format!("the gateway writes `{name}` from a claim, by `claims_to_headers`");
        return Err((text, "choose another name, or remove it from `claims_to_headers`"));
    }
    match message {
        Message::Request { .. } if removed && parsed == "authorization" => {
            Err(("the token is removed in another way".to_owned(), "write `authorization: remove` in the route"))
        }
        Message::Request { forwards_token: true } if parsed == "authorization" => {
            let text = "the upstream already gets the caller's token in this field".to_owned();
            Err((text, "add `authorization: remove` to the route, so that it gets one credential"))
        }
        _ => Ok(parsed),
    }
}

fn value(path: &str, field: &file::Field, problems: &mut Problems<'_>) -> Option<HeaderValue> {
    match (&field.value, &field.value_file) {
        (Some(_), None) if SECRET.iter().any(|name| name.eq_ignore_ascii_case(&field.name)) => {
            let fix = "write the value to a file, and name the file in `value_file`";
            problems.add(&format!("{path}.value"), "this value is a secret, and the configuration holds none", fix);
            None
        }
        (Some(text), None) => {
            let value = HeaderValue::from_str(text).ok().filter(|_| is_plain(text));
            if value.is_none() {
                let fix = "write visible ASCII, without spaces around it";
                problems.add(&format!("{path}.value"), "this is empty, or can't be a header field's value", fix);
            }
            value
        }
        (None, Some(file)) => match read(Path::new(file)) {
            Ok(value) => Some(value),
            Err(message) => {
                let message = format!("{file} can't be used: {message}");
                problems.add(&format!("{path}.value_file"), message, "write one line of visible ASCII to the file");
                None
            }
        },
        _ => {
            let message = "exactly one of `value` and `value_file` is required";
            problems.add(path, message, "write `{ name: X-Env, value: production }`");
            None
        }
    }
}

/// Whether a value arrives as it is written.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.trim() == text
}

/// The one line of a file, which no log shows.
fn read(path: &Path) -> Result<HeaderValue, String> {
    let text = mfa_gateway_files::read_text(path, MAX_VALUE).map_err(|error| error.to_string())?;
    let text = text.trim_end_matches(['\r', '\n']);
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_plain(text)).ok_or("it isn't one line of text")?;
    value.set_sensitive(true);
    Ok(value)
}
