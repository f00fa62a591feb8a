//! The pages of other origins that may use a route, from the file to the fields that say so.

use http::{HeaderName, HeaderValue, Method};
use url::Url;

use super::file;
use super::problem::Problems;
use super::values::{optional_duration, read_methods};
use crate::routing::{AllowedHeaders, Cors, Origins};

/// The fields of refusals and of every response that pages may read.
const EXPOSED: [&str; 4] = ["WWW-Authenticate", "Retry-After", "MS-RequestId", "MS-CorrelationId"];

/// The methods that pages may use where the route says nothing.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What the rest of the configuration says of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfRoute<'r> {
    pub(super) methods: Option<&'r [Method]>,
    /// The field that holds its token.
    pub(super) token: &'r str,
    /// Whether its responses give nonces for DPoP proofs.
    pub(super) has_nonces: bool,
}

/// Builds the rule of the route at `path`.
pub(super) fn build(path: &str, file: &file::Cors, of_route: OfRoute<'_>, problems: &mut Problems<'_>) -> Cors {
    let path = format!("{path}.cors");
    let methods = file.methods.as_ref().map(|list| read_methods(&format!("{path}.methods"), list, problems));
    let methods = match methods.as_deref().or(of_route.methods) {
        Some(methods) => joined(methods.iter().map(Method::as_str)),
        None => joined(METHODS),
    };
    let max_age = optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems);
    let expose = names(&format!("{path}.expose"), &file.expose, problems);
    if file.credentials && file.expose.iter().any(|name| name == "*") {
        let message = "with `credentials`, browsers take `*` for the name of a field";
        problems.add(&format!("{path}.expose"), message, "list the names of the fields");
    }
    let nonce = of_route.has_nonces.then_some("DPoP-Nonce");
    Cors {
        origins: origins(&path, file, problems),
        credentials: file.credentials,
        methods,
        headers: headers(&path, file, of_route.token, problems),
        expose: joined(EXPOSED.into_iter().chain(nonce).chain(expose)),
        max_age: max_age.map(|age| HeaderValue::from(age.as_secs())),
        private_network: file.private_network,
    }
}

fn origins(path: &str, file: &file::Cors, problems: &mut Problems<'_>) -> Origins {
    let field = format!("{path}.origins");
    if file.origins.is_empty() {
        problems.add(&field, "the list is empty, so no page could ask", "list origins, or remove `cors`");
    }
    if file.origins.iter().any(|origin| origin == "*") {
        if file.origins.len() > 1 {
            problems.add(&field, "`*` already stands for every origin", "keep `*`, or the origins, but not both");
        }
        if file.credentials {
            let message = "`*` with `credentials` would let every page act for the user of its browser";
            problems.add(&field, message, "list the origins, or remove `credentials`");
        }
        return Origins::Any;
    }
    let read = |(at, text): (usize, &String)| {
        let value = origin(text).and_then(|()| HeaderValue::from_str(text).map_err(|_| EXAMPLE.to_owned()));
        value.map_err(|fix| {
            let message = format!("`{text}` is not an origin as browsers write it");
            problems.add(&format!("{field}[{at}]"), message, fix);
        })
    };
    Origins::Listed(file.origins.iter().enumerate().map(read).filter_map(Result::ok).collect())
}

const EXAMPLE: &str = "write scheme, host and port as the browser does: `https://app.example.com`";

/// Whether a text is an origin as browsers write it; if not, what to write instead.
fn origin(text: &str) -> Result<(), String> {
    if text == "null" {
        return Ok(());
    }
    if text.contains('*') {
        return Err("list each origin: there are no wildcards within one".to_owned());
    }
    let Ok(url) = Url::parse(text) else { return Err(EXAMPLE.to_owned()) };
    let own = url.origin().ascii_serialization();
    if own == "null" {
        // An extension or an application: the scheme is one that the URL standard doesn't know.
        let opaque =
            text.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains(['/', '?', '#']));
        return if opaque { Ok(()) } else { Err(EXAMPLE.to_owned()) };
    }
    if own == text { Ok(()) } else { Err(format!("write `{own}`")) }
}

fn headers(path: &str, file: &file::Cors, token: &str, problems: &mut Problems<'_>) -> AllowedHeaders {
    match &file.headers {
        Some(list) if list.iter().any(|name| name == "*") => AllowedHeaders::Any,
        Some(list) => AllowedHeaders::Listed(joined(names(&format!("{path}.headers"), list, problems))),
        None => AllowedHeaders::Listed(joined([token, "Content-Type"])),
    }
}

/// The names that are ones of header fields.
fn names<'l>(path: &str, list: &'l [String], problems: &mut Problems<'_>) -> Vec<&'l str> {
    let mut names = Vec::new();
    for (at, name) in list.iter().enumerate() {
        if HeaderName::from_bytes(name.as_bytes()).is_ok() {
            names.push(name.as_str());
        } else {
            let message = format!("`{name}` is not the name of a header field");
            problems.add(&format!("{path}[{at}]"), message, "write a name such as `X-Request-Id`");
        }
    }
    names
}

/// A list of names in one value. They are tokens, so they always fit.
fn joined<'n>(names: impl IntoIterator<Item = &'n str>) -> HeaderValue {
    let list = names.into_iter().collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://xn--bcher-kva.example",
            "http://[::1]:8080",
            "null",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
        ] {
            assert_eq!(origin(good), Ok(()), "{good}");
        }
        for (bad, fix) in [
            ("https://app.example.com/", "write `https://app.example.com`"),
            ("https://APP.example.com", "write `https://app.example.com`"),
            ("https://app.example.com:443", "write `https://app.example.com`"),
            ("https://app.example.com/a?b", "write `https://app.example.com`"),
            ("https://b\u{fc}cher.example", "write `https://xn--bcher-kva.example`"),
            ("app.example.com", EXAMPLE),
            ("", EXAMPLE),
            ("file:///a", EXAMPLE),
            ("mailto:a", EXAMPLE),
            ("https://*.example.com", "list each origin: there are no wildcards within one"),
        ] {
            assert_eq!(origin(bad), Err(fix.to_owned()), "{bad}");
        }
    }
}
