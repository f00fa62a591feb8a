//! The credential that a request presents.
//!
//! A token stands in one `Authorization` field with the scheme `Bearer` (RFC 6750 section 2.1) or `DPoP` (RFC 9449 section
//! 7.1).
//! Tokens in the query or the body are not looked at: they end up in logs and histories.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What a request presents, before anything of it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'h> {
    /// Nothing, or nothing of a kind that is known.
    None,
    /// A bearer token that isn't one, or two of them.
    Malformed,
    /// What stands where a bearer token should. Whether it can be one is found out when it isn't known yet.
    Bearer(&'h [u8]),
    /// The same with the scheme `DPoP`: the request has to show the key that it is bound to.
    Dpop(&'h [u8]),
}

impl<'h> Credential<'h> {
    /// The token of a request with these fields.
    #[must_use]
    pub fn bearer_in(headers: &'h HeaderMap) -> Self {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let Some(field) = fields.next() else { return Self::None };
        if fields.next().is_some() {
            return Self::Malformed;
        }
        let value = field.as_bytes();
        let end = value.iter().take(7).position(|&byte| byte == b' ').unwrap_or(value.len());
        let scheme = value.get(..end).unwrap_or_default();
        let is_bearer = scheme.eq_ignore_ascii_case(b"bearer");
        if !is_bearer && !scheme.eq_ignore_ascii_case(b"dpop") {
            return Self::None;
        }
        match value.get(scheme.len()..) {
            Some([b' ', token @ ..]) if is_bearer => Self::Bearer(token),
            Some([b' ', token @ ..]) => Self::Dpop(token),
            _ => Self::Malformed,
        }
    }
}

/// The text, if it is a `b64token` (RFC 6750 section 2.1).
pub(super) fn as_token(text: &[u8]) -> Option<&str> {
    let end = text.iter().rposition(|&byte| byte != b'=')?;
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    // Without an early end, so that many bytes are looked at in one step.
    let odd = text.get(..=end)?.iter().fold(0, |odd, &byte| odd | u8::from(!is_fine(byte)));
    (odd == 0).then(|| std::str::from_utf8(text).ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        match Credential::bearer_in(&headers) {
            Credential::Bearer(token) | Credential::Dpop(token) => {
                let scheme =
                    if matches!(Credential::bearer_in(&headers), Credential::Dpop(_)) { "Dpop" } else { "Token" };
                as_token(token).map_or("Malformed".to_owned(), |token| format!("{scheme}({token})"))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_scheme_is_in_any_letter_case_and_nothing_is_around_the_token() {
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c"] {
            assert_eq!(read(good), "Token(a.b.c)", "{good}");
        }
        for good in ["DPoP a.b.c", "dpop a.b.c", "DPOP a.b.c"] {
            assert_eq!(read(good), "Dpop(a.b.c)", "{good}");
        }
        for bad in [
            "DPoP",
            "DPoP  a",
            "DPoP a, Bearer b",
            "Bearer a, DPoP b",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"a\"",
            "Bearer\ta",
            "Bearer =",
            "Bearer a, Bearer b",
        ] {
            assert_eq!(read(bad), if bad.contains('\t') { "None" } else { "Malformed" }, "{bad:?}");
        }
        for other in ["Basic YTpi", "Bearers a", "", "Token a", "DPoPs a", "DPo a"] {
            assert_eq!(read(other), "None", "{other}");
        }
    }

    #[test]
    fn two_fields_are_no_credential() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        assert_eq!(Credential::bearer_in(&headers), Credential::Malformed);
    }
}
