//! The token at its place: found, removed, and its traces settled.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_wire::headers;

use super::only::only;
use crate::routing::TokenPlace;

/// The beginning of a subprotocol whose rest is the token in base64url, as Kubernetes has it.
const BASE64URL: &str = "base64url.";

/// How many credentials are at the place, or at one that an upstream could take for it.
pub(super) fn count(place: &TokenPlace, fields: &HeaderMap) -> usize {
    match place {
        TokenPlace::Authorization => fields.get_all(AUTHORIZATION).iter().count(),
        TokenPlace::Header(name) => {
            fields.iter().filter(|(other, _)| headers::is_same_name(other.as_str(), name.as_str())).count()
        }
        TokenPlace::Cookie(name) => cookies(fields).filter(|pair| is_called(pair, name)).count(),
        TokenPlace::Subprotocol(_) | TokenPlace::SubprotocolPrefix(_) => Offered::read(place, fields).tokens.len(),
    }
}

/// The token at its place, which must not be `Authorization`.
pub(super) fn read<'r>(place: &TokenPlace, fields: &'r HeaderMap) -> Option<Cow<'r, [u8]>> {
    match place {
        TokenPlace::Authorization => None,
        TokenPlace::Header(name) => only(fields, name).map(|value| Cow::Borrowed(without_scheme(value.as_bytes()))),
        TokenPlace::Cookie(name) => {
            let mut values = cookies(fields).filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
            values.next().map(Cow::Borrowed)
        }
        TokenPlace::Subprotocol(_) | TokenPlace::SubprotocolPrefix(_) => Offered::read(place, fields).tokens.pop(),
    }
}

/// Removes the token from the fields for the upstream, if it must not have it. A subprotocol that is none never passes.
pub(super) fn remove(place: &TokenPlace, forward: bool, fields: &mut HeaderMap) {
    match place {
        TokenPlace::Header(name) if !forward => drop(fields.remove(name)),
        TokenPlace::Cookie(name) if !forward => {
            let left: Vec<&[u8]> = cookies(fields).filter(|pair| !is_called(pair, name)).collect();
            replace(fields, COOKIE, &left.join(&b"; "[..]));
        }
        TokenPlace::Subprotocol(_) | TokenPlace::SubprotocolPrefix(_) => {
            let left = Offered::read(place, fields).others.join(", ");
            replace(fields, SEC_WEBSOCKET_PROTOCOL, left.as_bytes());
        }
        _ => {}
    }
}

/// Names a subprotocol in the response to a handshake, if the upstream agreed to none: browsers fail a `WebSocket` if
/// they offered some and the response names none.
pub(super) fn agree(place: &TokenPlace, fields: &mut HeaderMap) {
    if let TokenPlace::Subprotocol(name) = place
        && !fields.contains_key(SEC_WEBSOCKET_PROTOCOL)
        && let Ok(name) = HeaderValue::from_str(name)
    {
        fields.insert(SEC_WEBSOCKET_PROTOCOL, name);
    }
}

fn replace(fields: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    fields.remove(&name);
    if let Some(value) = HeaderValue::from_bytes(value).ok().filter(|value| !value.is_empty()) {
        fields.insert(name, value);
    }
}

/// The token of a field that may name the scheme.
fn without_scheme(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
        _ => value,
    }
}

/// The pairs of all `Cookie` fields: HTTP/2 may split them (RFC 9113 section 8.2.3).
fn cookies(fields: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|&byte| byte == b';')).map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// Whether some server takes a pair for the cookie of this name.
fn is_called(pair: &[u8], name: &str) -> bool {
    let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
    pair.get(..end).is_some_and(|own| own.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// The subprotocols that a handshake offers: those that hold the token, and the others.
struct Offered<'r> {
    tokens: Vec<Cow<'r, [u8]>>,
    others: Vec<&'r str>,
}

impl<'r> Offered<'r> {
    fn read(place: &TokenPlace, fields: &'r HeaderMap) -> Self {
        // A value that isn't text is no list of tokens, and nothing of it is passed on.
        let values = fields.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        let mut names = values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let mut offered = Self { tokens: Vec::new(), others: Vec::new() };
        while let Some(name) = names.next() {
            match place {
                TokenPlace::Subprotocol(marker) if name == marker => {
                    offered.tokens.push(Cow::Borrowed(names.next().unwrap_or_default().as_bytes()));
                }
                TokenPlace::SubprotocolPrefix(prefix) if name.starts_with(prefix.as_str()) => {
                    let rest = name.get(prefix.len()..).unwrap_or_default();
                    offered.tokens.push(decoded(prefix, rest));
                }
                _ => offered.others.push(name),
            }
        }
        offered
    }
}

/// The token in a subprotocol behind its prefix. One that can't be decoded is an empty one, which is never valid.
fn decoded<'r>(prefix: &str, rest: &'r str) -> Cow<'r, [u8]> {
    if prefix.starts_with(BASE64URL) {
        Cow::Owned(URL_SAFE_NO_PAD.decode(rest).unwrap_or_default())
    } else {
        Cow::Borrowed(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However a client writes it: a token that is found counts, and none that counts passes where it is removed.
        #[test]
        fn nothing_is_left_of_a_token_that_is_removed(values in prop::collection::vec(r"(t=a|T =b|t|bearer|p\.x|[;,= ]|\PC){0,12}", 1..4)) {
            for (place, name) in [
                (TokenPlace::Cookie("t".to_owned()), COOKIE),
                (TokenPlace::Subprotocol("bearer".to_owned()), SEC_WEBSOCKET_PROTOCOL),
                (TokenPlace::SubprotocolPrefix("p.".to_owned()), SEC_WEBSOCKET_PROTOCOL),
            ] {
                let values = values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
                let mut sent: HeaderMap = values.map(|value| (name.clone(), value)).collect();
                prop_assert!(read(&place, &sent).is_none() || count(&place, &sent) > 0);
                remove(&place, false, &mut sent);
                prop_assert_eq!(count(&place, &sent), 0, "{:?}", sent);
            }
        }
    }

    fn fields(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn text<'f>(fields: &'f HeaderMap, name: &HeaderName) -> Option<&'f str> {
        only(fields, name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name_and_removed_alone() {
        let place = TokenPlace::Cookie("__Host-token".to_owned());
        for (values, found) in [
            (&["a=b; __Host-token=t.o.k; c"][..], Some("t.o.k")),
            (&["a=b", "__Host-token=t.o.k"], Some("t.o.k")),
            (&["__host-token=t.o.k"], None),
            (&["x__Host-token=t.o.k"], None),
            (&["__Host-token"], None),
            (&["a=__Host-token=t"], None),
        ] {
            let fields = fields(&COOKIE, values);
            let token = read(&place, &fields).map(|token| String::from_utf8(token.into_owned()).unwrap());
            assert_eq!(token.as_deref(), found, "{values:?}");
        }
        for twice in [&["__Host-token=a; __Host-token=b"][..], &["__Host-token=a", "__HOST-TOKEN =b"]] {
            assert_eq!(count(&place, &fields(&COOKIE, twice)), 2, "{twice:?}");
        }
        let mut sent = fields(&COOKIE, &["a=b;__Host-token=t", "c=d"]);
        remove(&place, true, &mut sent);
        assert_eq!(sent.get_all(COOKIE).iter().count(), 2);
        remove(&place, false, &mut sent);
        assert_eq!(text(&sent, &COOKIE), Some("a=b; c=d"));
    }

    #[test]
    fn a_subprotocol_that_holds_the_token_is_never_passed_on() {
        let place = TokenPlace::Subprotocol("bearer".to_owned());
        let mut sent = fields(&SEC_WEBSOCKET_PROTOCOL, &["bearer, t.o.k,chat", "superchat"]);
        assert_eq!(read(&place, &sent).as_deref(), Some(&b"t.o.k"[..]));
        remove(&place, true, &mut sent);
        assert_eq!(text(&sent, &SEC_WEBSOCKET_PROTOCOL), Some("chat, superchat"));

        let place = TokenPlace::SubprotocolPrefix("base64url.bearer.authorization.k8s.io.".to_owned());
        let offered = "base64url.bearer.authorization.k8s.io.dC5vLms, v4.channel.k8s.io";
        let mut sent = fields(&SEC_WEBSOCKET_PROTOCOL, &[offered]);
        assert_eq!(read(&place, &sent).as_deref(), Some(&b"t.o.k"[..]));
        remove(&place, true, &mut sent);
        assert_eq!(text(&sent, &SEC_WEBSOCKET_PROTOCOL), Some("v4.channel.k8s.io"));
        let odd = fields(&SEC_WEBSOCKET_PROTOCOL, &["base64url.bearer.authorization.k8s.io.t.o.k"]);
        assert_eq!(read(&place, &odd).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn every_spelling_of_a_field_counts_and_only_one_is_read() {
        let place = TokenPlace::Header(HeaderName::from_static("x-api-token"));
        let mut sent = fields(&HeaderName::from_static("x-api-token"), &["bearer t.o.k"]);
        assert_eq!((count(&place, &sent), read(&place, &sent).as_deref()), (1, Some(&b"t.o.k"[..])));
        sent.insert(HeaderName::from_static("x_api.token"), HeaderValue::from_static("t"));
        assert_eq!(count(&place, &sent), 2);
        remove(&place, false, &mut sent);
        assert_eq!(read(&place, &sent), None);
    }
}
