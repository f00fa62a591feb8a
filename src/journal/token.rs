//! A line of the token log.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An access token of a consent: handed out to a program, injected for the first time, or refused.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct TokenLine<'l> {
    /// `token`.
    #[schemars(extend("const" = "token"))]
    pub event: Cow<'l, str>,
    /// The time, as RFC 3339 in UTC with milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub time: Cow<'l, str>,
    /// `MS-RequestId`, which the caller and the decision log also have.
    pub request_id: Cow<'l, str>,
    /// `MS-CorrelationId`.
    pub correlation_id: Cow<'l, str>,
    /// The program's name in `consent_callers`; `null` if the caller is none of them.
    pub caller: Option<Cow<'l, str>>,
    /// The name of the issuer of the program's own token; `client_certificate` if it showed one.
    pub issuer: Option<Cow<'l, str>>,
    /// The program's application id, or the name in its client certificate.
    pub application: Option<Cow<'l, str>>,
    /// The consent.
    pub consent: Cow<'l, str>,
    /// The tenant that the access token is of; `null` if the issuer has none.
    pub tenant: Option<Cow<'l, str>>,
    /// What it is for.
    pub scope: Option<Cow<'l, str>>,
    /// `injected` into the request for an upstream, or `handed_out` to the program.
    #[schemars(extend("enum" = ["injected", "handed_out"]))]
    pub way: Cow<'l, str>,
    /// `ok`, or why there is none: the consent's state, `consent_missing`, `issuer_unavailable`, …, or the refusal's reason
    /// (`consent_not_allowed`, `rate_limited`).
    pub result: Cow<'l, str>,
    /// The issuer's own code for it, such as `AADSTS50076`; `null` if there is none.
    pub why: Option<Cow<'l, str>>,
    /// Whether it has MFA; `null` if only its audience can read it.
    pub mfa: Option<bool>,
    /// The SHA-256 hash of the access token, in base64url.
    pub token_hash: Option<Cow<'l, str>>,
    /// When it expires, as RFC 3339.
    pub expires: Option<Cow<'l, str>>,
    /// The `client-request-id` of the request that brought it, by which Microsoft's support finds it.
    pub issuer_request_id: Option<Cow<'l, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::line::in_line;
    use crate::journal::plain::Plain;

    #[test]
    fn a_line_is_what_its_type_says() {
        let full = TokenLine {
            event: "token".into(),
            time: "2019-02-02T06:22:32.000Z".into(),
            request_id: "r".into(),
            correlation_id: "c".into(),
            caller: Some("nightly-job".into()),
            issuer: Some("entra".into()),
            application: Some("a\"\u{7f}".into()),
            consent: "nightly".into(),
            tenant: Some("t".into()),
            scope: Some("https://api.example/.default".into()),
            way: "handed_out".into(),
            result: "ok".into(),
            why: Some("AADSTS50076".into()),
            mfa: Some(true),
            token_hash: Some("h".into()),
            expires: Some("2019-02-02T07:22:32.000Z".into()),
            issuer_request_id: Some("i".into()),
        };
        let few = TokenLine {
            caller: None,
            issuer: None,
            application: None,
            tenant: None,
            scope: None,
            why: None,
            mfa: None,
            token_hash: None,
            expires: None,
            issuer_request_id: None,
            ..full.clone()
        };
        for line in [full, few] {
            let (mut written, mut expected) = (Vec::new(), Vec::new());
            in_line(&mut written, &line);
            line.serialize(&mut serde_json::Serializer::with_formatter(&mut expected, Plain)).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(expected).unwrap());
        }
    }
}
