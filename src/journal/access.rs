//! A line of the access log.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A finished request: its response's body has ended, or its connection ended before that.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct AccessLine<'l> {
    /// `access`.
    #[schemars(extend("const" = "access"))]
    pub event: Cow<'l, str>,
    /// The time of the request, as RFC 3339 in UTC with milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub time: Cow<'l, str>,
    /// `MS-RequestId`, which the caller and the decision log also have.
    pub request_id: Cow<'l, str>,
    /// `MS-CorrelationId`.
    pub correlation_id: Cow<'l, str>,
    /// The id of the trace; absent unless requests are traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'l, str>>,
    /// The client's address: the last one before the trusted proxies. `null` for a request without a connection.
    #[schemars(with = "Option<String>")]
    pub client: Option<IpAddr>,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    #[schemars(extend("enum" = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]))]
    pub protocol: Cow<'l, str>,
    /// The request's method; `null` if the request could not be read.
    pub method: Option<Cow<'l, str>>,
    /// The route's path or prefix; `null` if there is none.
    pub route: Option<Cow<'l, str>>,
    /// The status of the response; `null` if the connection or stream ended before the response.
    pub status: Option<u16>,
    /// `permitted`, `refused`, `responded` if the gateway itself did, or `aborted` if the connection or stream ended
    /// before the response.
    #[schemars(extend("enum" = ["permitted", "refused", "responded", "aborted"]))]
    pub result: Cow<'l, str>,
    /// The grounds or the reason code; `preflight` of a `responded` one.
    pub reason: Cow<'l, str>,
    /// `app_only`, `app_user`, or `none` if no token was verified.
    #[schemars(extend("enum" = ["app_only", "app_user", "none"]))]
    pub class: Cow<'l, str>,
    /// The number of bytes of the response's body that the gateway sent.
    pub bytes: u64,
    /// Whether the response's body was complete.
    pub complete: bool,
    /// Why the gateway ended the response early, if it did: `token_expired` with `at_expiry: close`. Otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["token_expired", null]))]
    pub ended_by: Option<Cow<'l, str>>,
    /// The name of the upstream that responded; `null` if none did.
    pub upstream: Option<Cow<'l, str>>,
    /// The host and port of its endpoint that responded, as configured; `null` if none did.
    pub endpoint: Option<Cow<'l, str>>,
    /// The time from the request's head to the end of the response's body, in microseconds.
    pub duration_us: u64,
    /// The time from sending the request to the head of the upstream's response, in microseconds; `null` if there was
    /// none.
    pub upstream_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::line::in_line;
    use crate::journal::plain::Plain;

    #[test]
    fn a_line_is_what_its_type_says() {
        let full = AccessLine {
            event: "access".into(),
            time: "2019-02-02T06:22:32.000Z".into(),
            request_id: "r".into(),
            correlation_id: "c".into(),
            trace_id: Some("t".into()),
            client: Some([192, 0, 2, 1].into()),
            protocol: "HTTP/1.1".into(),
            method: Some("M\u{7f}\"".into()),
            route: Some("/v1/".into()),
            status: Some(200),
            result: "permitted".into(),
            reason: "mfa".into(),
            class: "app_user".into(),
            bytes: 1024,
            complete: true,
            ended_by: Some("token_expired".into()),
            upstream: Some("api".into()),
            endpoint: Some("127.0.0.1:80".into()),
            duration_us: 5,
            upstream_us: Some(4),
        };
        let few = AccessLine {
            trace_id: None,
            client: None,
            method: None,
            route: None,
            status: None,
            upstream_us: None,
            complete: false,
            ended_by: None,
            upstream: None,
            endpoint: None,
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
