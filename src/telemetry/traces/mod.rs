//! Traces: spans of requests in OpenTelemetry's form, sent to a collector by OTLP.
//!
//! A request never waits for any of it: a span that was sampled goes into a bounded queue, and what finds no place there
//! is dropped and counted. One task takes spans out in batches and sends them. Who calls may say whether a request is
//! sampled (W3C Trace Context, parent-based sampling); of a request that names no trace, chance decides.

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
