//! A line of the access log.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request that has ended: when its answer's body has, or its connection before that.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct AccessLine<'l> {
    /// `access`.
    #[schemars(extend("const" = "access"))]
    pub event: Cow<'l, str>,
    /// When the request came, as RFC 3339 in UTC with milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub time: Cow<'l, str>,
    /// `MS-RequestId`, which the caller has too, and the decision's line.
    pub request_id: Cow<'l, str>,
    /// `MS-CorrelationId`.
    pub correlation_id: Cow<'l, str>,
    /// The id of the trace; absent unless requests are traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'l, str>>,
    /// The client's address, if it came by a connection: the last before the trusted proxies.
    #[schemars(with = "Option<String>")]
    pub client: Option<IpAddr>,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    #[schemars(extend("enum" = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"]))]
    pub protocol: Cow<'l, str>,
    /// The request's method; `null` if the request could not be read.
    pub method: Option<Cow<'l, str>>,
    /// The route's path or prefix; `null` if there is none.
    pub route: Option<Cow<'l, str>>,
    /// The status of the answer; `null` if the connection or stream ended before there was one.
    pub status: Option<u16>,
    /// `permitted`, `refused`, or `aborted` if the connection or stream ended before there was an answer.
    #[schemars(extend("enum" = ["permitted", "refused", "aborted"]))]
    pub result: Cow<'l, str>,
    /// The grounds or the reason code.
    pub reason: Cow<'l, str>,
    /// `app_only`, `app_user`, or `none` if no token was verified.
    #[schemars(extend("enum" = ["app_only", "app_user", "none"]))]
    pub class: Cow<'l, str>,
    /// How many bytes of the answer's body were handed on.
    pub bytes: u64,
    /// Whether the answer's body came to its end.
    pub complete: bool,
    /// From the request's head to the end of the answer's body, in microseconds.
    pub duration_us: u64,
    /// From sending the request to the head of the upstream's answer, in microseconds; `null` if there was none.
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
