//! Why the token endpoint gave no tokens.

use std::fmt;

use http::StatusCode;
use mfa_gateway_keys::{EndpointError, FetchError};
use serde::Deserialize;

use super::issuer_error::is_code;
use super::signing_key::SigningKeyError;

/// Why the token endpoint, or the endpoint of pushed requests, didn't give what was asked for.
///
/// Its text has what an issuer means for programs, and never what it writes for people: that may hold anything.
#[derive(Debug, thiserror::Error)]
pub struct TokenEndpointError {
    /// What kind of failure it is.
    pub kind: TokenEndpointErrorKind,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// Its `error`.
    pub code: Option<String>,
    /// Entra's `suberror`, such as `bad_token` or `message_only`.
    pub suberror: Option<String>,
    /// Entra's `error_codes`, the AADSTS numbers.
    pub numbers: Vec<u32>,
    /// Whether the issuer can't have seen the request.
    pub is_unsent: bool,
    /// Entra's `claims`: what a sign-in must ask for to satisfy the policy that refuses, as a JSON object.
    pub claims: Option<Box<str>>,
    /// What Entra's support asks for.
    pub trace: Option<Box<IssuerTrace>>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a request is called in Entra's own logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerTrace {
    /// `trace_id`.
    pub trace_id: String,
    /// `correlation_id`.
    pub correlation_id: String,
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEndpointErrorKind {
    /// The issuer's metadata has no such endpoint.
    NoEndpoint,
    /// The code or the refresh token isn't good, or isn't any more.
    InvalidGrant,
    /// The issuer doesn't believe that this is the client.
    InvalidClient,
    /// Another error that the issuer names.
    Refused,
    /// The issuer couldn't be reached, takes too long, or has troubles of its own.
    Unavailable,
    /// The response isn't one.
    Malformed,
    /// The client can't prove itself.
    Signing,
}

/// The most numbers that are kept.
const MAX_NUMBERS: usize = 8;

/// The longest claims challenge: it stands in an address.
const MAX_CLAIMS: usize = 2048;

/// An error response (RFC 6749 section 5.2), as far as it is read.
#[derive(Deserialize)]
struct ErrorDocument {
    error: String,
    #[serde(default)]
    suberror: Option<serde_json::Value>,
    #[serde(default)]
    error_codes: Option<serde_json::Value>,
    #[serde(default)]
    claims: Option<serde_json::Value>,
    #[serde(default)]
    trace_id: Option<serde_json::Value>,
    #[serde(default)]
    correlation_id: Option<serde_json::Value>,
}

impl TokenEndpointError {
    /// A success that isn't one.
    pub(super) fn malformed(status: StatusCode) -> Self {
        Self { status: Some(status), ..Self::new(TokenEndpointErrorKind::Malformed) }
    }

    fn new(kind: TokenEndpointErrorKind) -> Self {
        let (code, suberror, numbers) = (None, None, Vec::new());
        let is_unsent = matches!(kind, TokenEndpointErrorKind::NoEndpoint | TokenEndpointErrorKind::Signing);
        Self { kind, status: None, code, suberror, numbers, is_unsent, claims: None, trace: None, cause: None }
    }

    fn because(kind: TokenEndpointErrorKind, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Box::new(cause)), ..Self::new(kind) }
    }

    /// What a response says that isn't a success.
    #[must_use]
    pub fn of(status: StatusCode, document: &[u8]) -> Self {
        let troubled = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        let unknown = if troubled { TokenEndpointErrorKind::Unavailable } else { TokenEndpointErrorKind::Malformed };
        let blank = Self { status: Some(status), ..Self::new(unknown) };
        let Ok(found) = serde_json::from_slice::<ErrorDocument>(document) else { return blank };
        if !is_code(&found.error) || !status.is_client_error() && !troubled {
            return blank;
        }
        let kind = match found.error.as_str() {
            _ if troubled => TokenEndpointErrorKind::Unavailable,
            "temporarily_unavailable" | "server_error" => TokenEndpointErrorKind::Unavailable,
            "invalid_grant" => TokenEndpointErrorKind::InvalidGrant,
            "invalid_client" | "unauthorized_client" => TokenEndpointErrorKind::InvalidClient,
            _ => TokenEndpointErrorKind::Refused,
        };
        let text = |member: &Option<serde_json::Value>| {
            let text = member.as_ref().and_then(serde_json::Value::as_str);
            text.filter(|text| is_code(text)).map(str::to_owned)
        };
        let [suberror, trace_id, correlation_id] = [&found.suberror, &found.trace_id, &found.correlation_id].map(text);
        let numbers = found.error_codes.as_ref().and_then(serde_json::Value::as_array);
        let numbers = numbers.into_iter().flatten().filter_map(|number| u32::try_from(number.as_u64()?).ok());
        Self {
            kind,
            code: Some(found.error),
            suberror,
            numbers: numbers.take(MAX_NUMBERS).collect(),
            claims: found.claims.as_ref().and_then(serde_json::Value::as_str).and_then(challenge),
            trace: trace_id
                .zip(correlation_id)
                .map(|(trace_id, correlation_id)| Box::new(IssuerTrace { trace_id, correlation_id })),
            ..blank
        }
    }

    /// Whether the issuer itself refused the request, so that it has not used what was sent. A proxy's own error says nothing
    /// of what became of a request behind it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let Some(status) = self.status else { return false };
        match status.as_u16() {
            502 | 504 => false,
            500.. => self.code.is_some(),
            other => other >= 300,
        }
    }

    /// Whether the code or the refresh token is no good.
    #[must_use]
    pub fn is_invalid_grant(&self) -> bool {
        self.kind == TokenEndpointErrorKind::InvalidGrant
    }

    /// Whether the issuer doesn't accept the client.
    #[must_use]
    pub fn is_invalid_client(&self) -> bool {
        matches!(self.kind, TokenEndpointErrorKind::InvalidClient | TokenEndpointErrorKind::Signing)
    }

    /// Whether another time it may work: the issuer can't be used at this moment.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, TokenEndpointErrorKind::Unavailable | TokenEndpointErrorKind::NoEndpoint)
    }
}

/// A claims challenge, written anew: an object of what claims are asked for of which token, and not too long.
fn challenge(text: &str) -> Option<Box<str>> {
    if text.len() > MAX_CLAIMS {
        return None;
    }
    let asked: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let is_sound = !asked.is_empty() && asked.values().all(serde_json::Value::is_object);
    let text = serde_json::Value::Object(asked).to_string();
    // What is written out may be longer, and databases take no NUL.
    (is_sound && text.len() <= MAX_CLAIMS && !text.contains("\\u0000")).then(|| text.into())
}

impl From<FetchError> for TokenEndpointError {
    fn from(error: FetchError) -> Self {
        // What is too large or can't be read is a response all the same.
        let kind = match error {
            FetchError::Coding(_) => TokenEndpointErrorKind::Malformed,
            _ => TokenEndpointErrorKind::Unavailable,
        };
        Self { is_unsent: error.is_unsent(), ..Self::because(kind, error) }
    }
}

impl From<EndpointError> for TokenEndpointError {
    fn from(error: EndpointError) -> Self {
        Self::because(TokenEndpointErrorKind::NoEndpoint, error)
    }
}

impl From<SigningKeyError> for TokenEndpointError {
    fn from(error: SigningKeyError) -> Self {
        Self::because(TokenEndpointErrorKind::Signing, error)
    }
}

impl fmt::Display for TokenEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TokenEndpointErrorKind::NoEndpoint => "the issuer names no usable endpoint",
            TokenEndpointErrorKind::InvalidGrant => "the issuer doesn't accept the code or refresh token",
            TokenEndpointErrorKind::InvalidClient => "the issuer doesn't accept the client",
            TokenEndpointErrorKind::Refused => "the issuer refuses",
            TokenEndpointErrorKind::Unavailable => "the issuer can't be used at this moment",
            TokenEndpointErrorKind::Malformed => "the issuer's response is malformed",
            TokenEndpointErrorKind::Signing => "the client can't prove itself",
        })?;
        let mut between = " (";
        let mut detail =
            |name: &str, value: &dyn fmt::Display| write!(f, "{}{name} {value}", std::mem::replace(&mut between, ", "));
        self.status.iter().try_for_each(|status| detail("status", &status.as_u16()))?;
        self.code.iter().try_for_each(|code| detail("error", code))?;
        self.suberror.iter().try_for_each(|suberror| detail("suberror", suberror))?;
        self.numbers.iter().try_for_each(|number| detail("AADSTS", number))?;
        f.write_str(if between == ", " { ")" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, document: &str) -> TokenEndpointError {
        TokenEndpointError::of(StatusCode::from_u16(status).unwrap(), document.as_bytes())
    }

    #[test]
    fn an_error_is_of_a_kind_and_tells_its_codes_but_not_its_description() {
        let entra = of(
            400,
            r#"{"error":"invalid_grant","suberror":"bad_token","error_codes":[50173, 7],
                "error_description":"AADSTS50173: secret"}"#,
        );
        assert!(entra.is_invalid_grant());
        let text = "the issuer doesn't accept the code or refresh token (status 400, error invalid_grant, suberror \
                    bad_token, AADSTS 50173, AADSTS 7)";
        assert_eq!(entra.to_string(), text);
        assert!(of(401, r#"{"error":"invalid_client"}"#).is_invalid_client());
        assert_eq!(of(400, r#"{"error":"invalid_scope"}"#).kind, TokenEndpointErrorKind::Refused);
        let odd = of(400, r#"{"error":"invalid_grant","suberror":["x"],"error_codes":{"a":1}}"#);
        assert!(odd.is_invalid_grant() && odd.suberror.is_none() && odd.numbers.is_empty());
    }

    #[test]
    fn a_claims_challenge_is_an_object_of_objects_and_bounded() {
        let read = |claims: &str| {
            let document = serde_json::json!({"error": "invalid_grant", "claims": claims}).to_string();
            of(400, &document).claims
        };
        let sound = r#"{ "access_token": {"polids": {"essential": true, "values": ["a"]}} }"#;
        assert_eq!(
            read(sound).as_deref(),
            Some(&*sound.replace("{ ", "{").replace(" }", "}").replace(": ", ":").replace(", ", ","))
        );
        let long = format!(r#"{{"access_token":{{"a":"{}"}}}}"#, "x".repeat(MAX_CLAIMS));
        for odd in ["", "{}", "[]", "x", r#"{"access_token":"x"}"#, r#"{"a":{"b":"\u0000"}}"#, &long] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(of(400, r#"{"error":"invalid_grant","claims":{"access_token":{}}}"#).claims, None);
    }

    #[test]
    fn a_proxys_error_is_no_refusal() {
        let json = r#"{"error":"temporarily_unavailable"}"#;
        for (status, document) in
            [(503, json), (500, json), (429, json), (429, ""), (400, "<html>"), (401, json), (302, "")]
        {
            assert!(of(status, document).is_refusal(), "{status} {document}");
        }
        let pages =
            [(503, "<html>"), (500, ""), (502, json), (504, json), (504, ""), (599, ""), (200, "{}"), (204, "")];
        for (status, document) in pages {
            assert!(!of(status, document).is_refusal(), "{status} {document}");
        }
        assert!(!TokenEndpointError::new(TokenEndpointErrorKind::Unavailable).is_refusal(), "none came");
    }

    #[test]
    fn an_issuer_in_trouble_says_nothing_of_a_grant() {
        for (status, document) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (503, "<html>"),
            (502, ""),
            (429, r#"{"error":"slow_down"}"#),
            (400, r#"{"error":"temporarily_unavailable"}"#),
        ] {
            assert!(of(status, document).is_unavailable(), "{status} {document}");
        }
        for (status, document) in [
            (400, "<html>"),
            (400, r#"{"error":"<b>"}"#),
            (400, r#"{"error":7}"#),
            (400, r#"{"error":"invalid_grant","error":"x"}"#),
            (302, r#"{"error":"invalid_grant"}"#),
            (204, ""),
        ] {
            assert_eq!(of(status, document).kind, TokenEndpointErrorKind::Malformed, "{status} {document}");
        }
        assert_eq!(TokenEndpointError::new(TokenEndpointErrorKind::Unavailable).to_string().find('('), None);
    }
}
