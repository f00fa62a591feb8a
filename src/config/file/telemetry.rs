//! What the gateway tells about itself to others.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the gateway tells about itself to others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Telemetry {
    /// Spans of requests, sent to an OpenTelemetry collector by OTLP. Absent: requests are not traced, and `traceparent`
    /// passes as it came.
    pub traces: Option<Traces>,
}

/// Where traces go, and how many.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Traces {
    /// The collector: `http://localhost:4318`, or `https://…`. Over HTTP, an address without a path gets `/v1/traces`.
    pub endpoint: String,
    /// How it is spoken to: `http` (binary Protobuf) or `grpc`. Default `http`.
    #[serde(default)]
    pub protocol: TraceProtocol,
    /// Which part of the requests is sampled that come without a `traceparent`, from 0 to 1; one that comes with it is
    /// sampled as that says. Default 0.1.
    pub sampling: Option<f64>,
    /// The `service.name`. Default `mfa-gateway`.
    pub service_name: Option<String>,
    /// A file of `name: value` lines that each export sends along, such as a key. For `https` and loopback only.
    pub headers_file: Option<String>,
    /// A PEM file with authorities that the collector's certificate may be of, besides the system's.
    pub ca_file: Option<String>,
    /// How long an export may take. Default `10s`.
    pub timeout: Option<String>,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum TraceProtocol {
    /// OTLP/HTTP, as binary Protobuf.
    #[default]
    Http,
    /// OTLP/gRPC.
    Grpc,
}
