//! What the token endpoint gives (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The tokens of a sign-in.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The ID token, not verified yet.
    pub id_token: String,
    /// The access token.
    pub access_token: String,
    /// The refresh token, if the issuer gives one.
    pub refresh_token: Option<String>,
    /// How long the access token lasts, if the issuer says so.
    pub expires_in: Option<Duration>,
}

/// The tokens of a refresh. What is absent is as it was.
#[derive(Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// The ID token, not verified yet.
    pub id_token: Option<String>,
    /// The access token.
    pub access_token: String,
    /// The refresh token that replaces the one that was used, if the issuer rotates.
    pub refresh_token: Option<String>,
    /// How long the access token lasts, if the issuer says so.
    pub expires_in: Option<Duration>,
    /// What the request that brought them was called.
    pub request_id: String,
}

#[derive(Deserialize)]
struct Document {
    token_type: String,
    access_token: String,
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
}

impl Tokens {
    /// Reads a response; `None` if it isn't one, or has no ID token.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let Refreshed { id_token, access_token, refresh_token, expires_in, .. } = Refreshed::read(document)?;
        Some(Self { id_token: id_token?, access_token, refresh_token, expires_in })
    }
}

impl Refreshed {
    /// Reads a response; `None` if it isn't one.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let found: Document = serde_json::from_slice(document).ok()?;
        // Nothing else could be forwarded (RFC 6749 section 7.1).
        if !found.token_type.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let expires_in = found.expires_in.filter(|value| !value.is_null()).map(|value| lifetime(&value));
        let tokens = Self {
            id_token: found.id_token,
            access_token: found.access_token,
            refresh_token: found.refresh_token,
            expires_in: match expires_in {
                None => None,
                Some(lifetime) => Some(lifetime?),
            },
            request_id: String::new(),
        };
        let optional = [tokens.id_token.as_deref(), tokens.refresh_token.as_deref()];
        let are_tokens = is_token(&tokens.access_token) && optional.into_iter().flatten().all(is_token);
        are_tokens.then_some(tokens)
    }
}

/// `1*VSCHAR` (RFC 6749 appendix A): what can go on in a header field or a form.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// The longest life that is believed.
const MAX_LIFETIME: u64 = 365 * 86_400;

/// A number of seconds, which Entra's v1 endpoint writes as a text.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        Value::Number(number) => number.as_u64()?,
        _ => return None,
    };
    Some(Duration::from_secs(seconds.min(MAX_LIFETIME)))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl fmt::Debug for Refreshed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshed").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(changes: &Value) -> Option<Tokens> {
        let mut document = json!({"token_type": "Bearer", "access_token": "a", "id_token": "i"});
        for (name, change) in changes.as_object().unwrap() {
            document[name] = change.clone();
        }
        Tokens::read(document.to_string().as_bytes())
    }

    #[test]
    fn a_response_has_the_tokens_and_how_long_they_last() {
        let all =
            json!({"token_type": "bearer", "refresh_token": "r", "expires_in": 60, "scope": "x", "not_before": "7"});
        let tokens = read(&all).unwrap();
        assert_eq!((tokens.id_token.as_str(), tokens.access_token.as_str()), ("i", "a"));
        assert_eq!((tokens.refresh_token.as_deref(), tokens.expires_in), (Some("r"), Some(Duration::from_secs(60))));
        assert_eq!(format!("{tokens:?}"), "Tokens { expires_in: Some(60s), .. }");
        let life = |value: Value| read(&json!({ "expires_in": value })).map(|tokens| tokens.expires_in);
        assert_eq!(life(json!("3599")), Some(Some(Duration::from_secs(3599))), "Entra's v1 endpoint");
        assert_eq!((life(json!(null)), life(json!(0))), (Some(None), Some(Some(Duration::ZERO))));
        assert_eq!(life(json!(u64::MAX)), Some(Some(Duration::from_secs(MAX_LIFETIME))));
        for odd in [json!(-1), json!("-1"), json!("1.5"), json!(""), json!([60]), json!(1.5), json!(true)] {
            assert_eq!(life(odd.clone()), None, "{odd}");
        }
    }

    #[test]
    fn what_is_not_exactly_that_is_no_response() {
        for odd in [
            json!({"token_type": "DPoP"}),
            json!({"token_type": null}),
            json!({"access_token": ""}),
            json!({"access_token": 7}),
            json!({"access_token": "a\nb"}),
            json!({"id_token": null}),
            json!({"id_token": ["i"]}),
            json!({"refresh_token": "r\u{e9}"}),
        ] {
            assert_eq!(read(&odd), None, "{odd}");
        }
        let twice = br#"{"token_type":"Bearer","access_token":"a","id_token":"i","id_token":"j"}"#;
        for document in [&twice[..], b"", b"[]", b"access_token=a&token_type=bearer", b"\xff"] {
            assert_eq!(Tokens::read(document), None);
        }
        let without = Refreshed::read(br#"{"token_type":"Bearer","access_token":"a"}"#).unwrap();
        assert_eq!((without.id_token, without.refresh_token), (None, None), "a refresh may leave both out");
    }
}
