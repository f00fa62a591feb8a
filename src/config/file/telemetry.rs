//! Telemetry that the gateway sends to other systems.

use schemars::JsonSchema;
use serde::Deserialize;

/// Telemetry that the gateway sends to other systems.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Telemetry {
    /// Spans of requests, sent to an OpenTelemetry collector by OTLP. Absent: the gateway doesn't trace requests, and
    /// forwards `traceparent` unchanged.
    pub traces: Option<Traces>,
}

/// The destination and the sampling of traces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Traces {
    /// The collector's URL: `http://localhost:4318`, or `https://…`. With `protocol: http`, the gateway adds
    /// `/v1/traces` to a URL without a path.
    pub endpoint: String,
    /// The protocol: `http` (binary Protobuf) or `grpc`. Default `http`.
    #[serde(default)]
    pub protocol: TraceProtocol,
    /// The fraction of requests without a `traceparent` to sample, from 0 to 1. A request with a `traceparent` is
    /// sampled as that field says. Default 0.1.
    pub sampling: Option<f64>,
    /// The `service.name`. Default `mfa-gateway`.
    pub service_name: Option<String>,
    /// A file of `name: value` lines. Each export sends them as header fields, for example an API key. For `https` and
    /// loopback only.
    pub headers_file: Option<String>,
    /// A PEM file with certificate authorities to trust for the collector, in addition to the system's.
    pub ca_file: Option<String>,
    /// How long an export may take. Default `10s`.
    pub timeout: Option<String>,
}

/// The protocol towards a collector.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum TraceProtocol {
    /// OTLP/HTTP, as binary Protobuf.
    #[default]
    Http,
    /// OTLP/gRPC.
    Grpc,
}
