//! Where a route's token stands, from the file.

use http::HeaderName;

use super::problem::Problems;
use super::{field_name, file};
use crate::routing::TokenPlace;

/// Fields with a meaning of their own, and the place to name instead.
const TAKEN: [(&str, &str); 4] = [
    ("authorization", "write `token_from: authorization`, or remove `token_from`"),
    ("cookie", "write `token_from: { cookie: NAME }`"),
    ("sec-websocket-protocol", "write `token_from: { subprotocol: bearer }`"),
    ("origin", "choose a field for the token alone, such as `X-Api-Token`"),
];

/// Reads the place of the token of the route at `path`.
///
/// The fields of `claims` are written from the token's claims.
pub(super) fn build(
    path: &str,
    file: Option<&file::TokenFrom>,
    claims: &[HeaderName],
    problems: &mut Problems<'_>,
) -> TokenPlace {
    let Some(file::TokenFrom::Other(place)) = file else { return TokenPlace::Authorization };
    let path = format!("{path}.token_from");
    let file::OtherPlace { header, cookie, subprotocol, subprotocol_prefix } = place;
    match (header, cookie, subprotocol, subprotocol_prefix) {
        (Some(name), None, None, None) => field(&format!("{path}.header"), name, claims, problems),
        (None, Some(name), None, None) => cookie_place(&format!("{path}.cookie"), name, problems),
        (None, None, Some(name), None) => {
            token(&format!("{path}.subprotocol"), name, "bearer", problems);
            TokenPlace::Subprotocol(name.clone())
        }
        (None, None, None, Some(prefix)) => {
            token(&format!("{path}.subprotocol_prefix"), prefix, "base64url.bearer.authorization.k8s.io.", problems);
            TokenPlace::SubprotocolPrefix(prefix.clone())
        }
        _ => {
            let message = "exactly one of `header`, `cookie`, `subprotocol` and `subprotocol_prefix` is required";
            problems.add(&path, message, "keep one place: a token at any other is never read");
            TokenPlace::Authorization
        }
    }
}

fn field(path: &str, name: &str, claims: &[HeaderName], problems: &mut Problems<'_>) -> TokenPlace {
    if let Some((_, fix)) = TAKEN.iter().find(|(taken, _)| taken.eq_ignore_ascii_case(name)) {
        problems.add(path, format!("`{name}` has a meaning of its own"), *fix);
        return TokenPlace::Authorization;
    }
    if field_name::is_one_of(name, claims) {
        let message = format!("the gateway writes `{name}` from a claim, by `claims_to_headers`");
        problems.add(path, message, "choose another name");
        return TokenPlace::Authorization;
    }
    match field_name::of_client(name) {
        Ok(name) => TokenPlace::Header(name),
        Err((message, fix)) => {
            problems.add(path, message, fix);
            TokenPlace::Authorization
        }
    }
}

fn cookie_place(path: &str, name: &str, problems: &mut Problems<'_>) -> TokenPlace {
    if token(path, name, "__Host-token", problems) && !name.starts_with("__Host-") {
        let message = "a page of another host of the same site can set this cookie";
        problems.warn(path, message, "begin the name with `__Host-`: browsers then take it from this host alone");
    }
    TokenPlace::Cookie(name.to_owned())
}

/// Whether a text is a token (RFC 9110 section 5.6.2), as names of cookies and subprotocols are.
fn token(path: &str, text: &str, example: &str, problems: &mut Problems<'_>) -> bool {
    let usable = HeaderName::from_bytes(text.as_bytes()).is_ok();
    if !usable {
        let message = format!("`{text}` is empty, or has a character that such a name can't have");
        problems.add(path, message, format!("write a name such as `{example}`"));
    }
    usable
}
