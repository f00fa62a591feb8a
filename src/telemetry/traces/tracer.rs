//! The tracer, and the trace that one request is part of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use tokio::sync::{mpsc, oneshot};

use super::context::{TRACESTATE, TraceContext, state};
use super::export::{Exporter, Message, TraceMetrics};
use super::proto::resource;
use super::span::{Attribute, Kind, Span};
use super::transport::{TraceSettings, Transport};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::random::Random;

/// How many spans may wait to be sent.
const QUEUE: usize = 4096;

/// Begins traces, and collects their spans.
#[derive(Debug)]
pub(crate) struct Tracer {
    settings: TraceSettings,
    random: Random,
    metrics: TraceMetrics,
    sender: mpsc::Sender<Message>,
}

/// The trace that a request is part of, and the request's own span in it.
#[derive(Debug)]
pub(crate) struct Trace {
    tracer: Arc<Tracer>,
    pub(crate) context: TraceContext,
    parent: Option<u64>,
    state: Option<HeaderValue>,
    at: Timestamp,
    began: Instant,
}

/// The content of a span besides its position.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) failed: bool,
}

impl Tracer {
    /// Starts the task that sends spans. It ends with the tracer, when all are sent.
    ///
    /// # Errors
    ///
    /// If TLS could not be set up.
    pub(crate) fn start(
        settings: TraceSettings,
        random: Random,
        metrics: TraceMetrics,
    ) -> Result<Self, reqwest::Error> {
        let (sender, messages) = mpsc::channel(QUEUE);
        let exporter = Exporter {
            transport: Transport::new(&settings)?,
            resource: resource(&settings.service_name, random.uuid()),
            metrics: metrics.clone(),
            messages,
            failing: false,
        };
        tokio::spawn(exporter.run());
        Ok(Self { settings, random, metrics, sender })
    }

    /// The destination of its traces.
    pub(crate) fn settings(&self) -> &TraceSettings {
        &self.settings
    }

    /// Begins the span of a request with these fields: in its client's trace, or in one of its own.
    pub(crate) fn begin(self: &Arc<Self>, headers: &HeaderMap, at: Timestamp) -> Trace {
        let parent = TraceContext::of(headers);
        let trace_id = parent.map_or_else(|| self.random.bits().max(1), |parent| parent.trace_id);
        let sampled = parent.map_or_else(|| samples(self.settings.sampling, trace_id), |parent| parent.sampled);
        Trace {
            tracer: Arc::clone(self),
            context: TraceContext { trace_id, span_id: self.span_id(), sampled },
            parent: parent.map(|parent| parent.span_id),
            state: parent.and_then(|_| state(headers)),
            at,
            began: Instant::now(),
        }
    }

    fn span_id(&self) -> u64 {
        u64::try_from(self.random.bits() >> 64).unwrap_or(u64::MAX).max(1)
    }

    /// Sends the queued spans, and waits until that is done, up to a limit.
    pub(crate) async fn flush(&self, patience: Duration) {
        let (done, flushed) = oneshot::channel();
        let flush = async {
            if self.sender.send(Message::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(patience, flush).await.is_err() {
            tracing::warn!("some spans were not exported before the end");
        }
    }
}

impl Trace {
    /// A new span's position below the request's.
    pub(crate) fn child(&self) -> TraceContext {
        TraceContext { span_id: self.tracer.span_id(), ..self.context }
    }

    /// Sets this trace on a request, with this span as the parent.
    pub(crate) fn write(&self, span: TraceContext, headers: &mut HeaderMap) {
        span.write(headers);
        match &self.state {
            Some(state) => headers.insert(&TRACESTATE, state.clone()),
            None => headers.remove(&TRACESTATE),
        };
    }

    /// Queues a span below the request's, if the trace is sampled.
    pub(crate) fn ended(&self, context: TraceContext, began: Instant, told: Told) {
        self.submit(context, Some(self.context.span_id), began, told);
    }

    /// Queues the request's own span, if the trace is sampled.
    pub(crate) fn request_ended(&self, told: Told) {
        self.submit(self.context, self.parent, self.began, told);
    }

    fn submit(&self, context: TraceContext, parent: Option<u64>, began: Instant, told: Told) {
        if !context.sampled {
            return;
        }
        let Told { kind, name, attributes, failed } = told;
        let epoch = Duration::from_millis(u64::try_from(self.at.as_millis()).unwrap_or(0));
        let start = epoch + began.saturating_duration_since(self.began);
        let (state, took) = (self.state.clone(), began.elapsed());
        let span = Span { context, parent, state, kind, name, start, took, attributes, failed };
        if self.tracer.sender.try_send(Message::Span(Box::new(span))).is_err() {
            self.tracer.metrics.dropped.inc();
        }
    }
}

/// Whether a trace is sampled, by its id: everyone who samples at the same rate by the same bits decides alike (in W3C
/// Trace Context level 2, the last 56 are random).
fn samples(part: f64, trace_id: u128) -> bool {
    let bits = u32::try_from((trace_id >> 24) & u128::from(u32::MAX)).unwrap_or(0);
    f64::from(bits) >= (1.0 - part) * (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::TraceProtocol;
    use super::*;

    fn tracer(sampling: f64, room: usize) -> (Arc<Tracer>, mpsc::Receiver<Message>) {
        let settings = TraceSettings {
            endpoint: "http://127.0.0.1:1".parse().unwrap(),
            protocol: TraceProtocol::Http,
            sampling,
            service_name: "test".to_owned(),
            timeout: Duration::from_secs(1),
            headers: HeaderMap::new(),
            authorities: Vec::new(),
            files: Vec::new(),
        };
        let (sender, messages) = mpsc::channel(room);
        let (random, metrics) = (Random::seeded(1), TraceMetrics::default());
        (Arc::new(Tracer { settings, random, metrics, sender }), messages)
    }

    fn told() -> Told {
        Told { kind: Kind::Server, name: String::new(), attributes: Vec::new(), failed: false }
    }

    #[test]
    fn a_span_that_finds_no_place_is_dropped_and_counted_and_nobody_waits() {
        let (tracer, mut messages) = tracer(1.0, 2);
        for _ in 0..5 {
            tracer.begin(&HeaderMap::new(), Timestamp::from_secs(1)).request_ended(told());
        }
        assert_eq!(tracer.metrics.dropped.get(), 3);
        assert!(messages.try_recv().is_ok() && messages.try_recv().is_ok() && messages.try_recv().is_err());
    }

    #[test]
    fn what_is_not_sampled_is_no_span_and_goes_on_in_its_trace_all_the_same() {
        let (tracer, mut messages) = tracer(0.0, 2);
        let trace = tracer.begin(&HeaderMap::new(), Timestamp::from_secs(1));
        let mut headers = HeaderMap::new();
        trace.write(trace.child(), &mut headers);
        let context = TraceContext::of(&headers).unwrap();
        assert_eq!((context.trace_id, context.sampled), (trace.context.trace_id, false));
        assert_ne!(context.span_id, trace.context.span_id);
        trace.request_ended(told());
        assert!(messages.try_recv().is_err());
    }

    #[test]
    fn so_many_are_sampled_as_are_asked_for() {
        let random = Random::seeded(1);
        let ids: Vec<u128> = (0..10_000).map(|_| random.bits()).collect();
        let sampled = |part| ids.iter().filter(|id| samples(part, **id)).count();
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        assert!((900..1100).contains(&sampled(0.1)), "{}", sampled(0.1));
        let of_few = ids.iter().find(|id| samples(0.1, **id)).unwrap();
        assert!(samples(0.2, *of_few), "who samples more samples these too");
    }
}
