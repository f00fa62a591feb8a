//! A line of the access log.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An answered request. It is written when the answer's body has ended.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(title = "mfa-gateway access log line")]
pub struct AccessLine<'l> {
    /// `access`.
    pub event: Cow<'l, str>,
    /// When the request came, as RFC 3339 in UTC with milliseconds.
    pub time: Cow<'l, str>,
    /// `MS-RequestId`.
    pub request_id: Cow<'l, str>,
    /// `MS-CorrelationId`.
    pub correlation_id: Cow<'l, str>,
    /// The id of the trace; absent unless requests are traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Cow<'l, str>>,
    /// The client's address, if it came by a connection.
    pub client: Option<Cow<'l, str>>,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: Cow<'l, str>,
    /// The request's method.
    pub method: Cow<'l, str>,
    /// The route's path or prefix; `null` if there is none.
    pub route: Option<Cow<'l, str>>,
    /// The status of the answer.
    pub status: u16,
    /// `permitted` or `refused`.
    pub result: Cow<'l, str>,
    /// The grounds or the reason code.
    pub reason: Cow<'l, str>,
    /// `app_only`, `app_user`, or `none` if no token was verified.
    pub class: Cow<'l, str>,
    /// How many bytes of the answer's body were handed on.
    pub bytes: u64,
    /// Whether the answer's body came to its end.
    pub complete: bool,
    /// From the request's head to the end of the answer's body, in microseconds.
    pub duration_us: u64,
    /// From sending the request to the head of the upstream's answer, in microseconds; `null` if it wasn't asked.
    pub upstream_us: Option<u64>,
}
