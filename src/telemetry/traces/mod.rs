//! Traces: spans of requests in OpenTelemetry's form, sent to a collector by OTLP.
//!
//! A request never waits for any of it: a sampled span goes into a bounded queue, and spans that don't fit are dropped
//! and counted. One task takes spans out in batches and sends them. The client may say whether a request is sampled
//! (W3C Trace Context, parent-based sampling); if a request names no trace, chance decides.

mod context;
mod export;
mod proto;
mod span;
mod tracer;
mod transport;

pub use transport::{TraceProtocol, TraceSettings};

pub(crate) use context::TraceContext;
pub(crate) use export::TraceMetrics;
pub(crate) use span::{Attribute, Kind, Value};
pub(crate) use tracer::{Told, Trace, Tracer};
