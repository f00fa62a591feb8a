//! The task that sends spans: in batches, at most a second after a batch's first span.

use std::time::Duration;

use opentelemetry_proto::tonic::resource::v1::Resource;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::proto::request;
use super::span::Span;
use super::transport::Transport;

/// How many spans go out at once.
const BATCH: usize = 512;

/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// How many times a batch is sent, if the failure may be temporary.
const ATTEMPTS: u32 = 3;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// The outcomes of spans.
#[derive(Clone, Debug)]
pub(crate) struct TraceMetrics {
    all: Family<ResultLabels, Counter>,
    pub(super) exported: Counter,
    pub(super) dropped: Counter,
    pub(super) failed: Counter,
}

impl Default for TraceMetrics {
    fn default() -> Self {
        let all = Family::<ResultLabels, Counter>::default();
        let counter = |result| all.get_or_create_owned(&ResultLabels { result });
        let (exported, dropped, failed) = (counter("exported"), counter("dropped"), counter("failed"));
        Self { all, exported, dropped, failed }
    }
}

impl TraceMetrics {
    /// Registers them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("trace_spans", "Sampled spans, by result", self.all.clone());
    }
}

/// A message to the task.
#[derive(Debug)]
pub(super) enum Message {
    Span(Box<Span>),
    /// Sends the queued spans. The sender is dropped when they are sent.
    Flush(oneshot::Sender<()>),
}

/// Sends spans until no sender is left.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) transport: Transport,
    pub(super) resource: Resource,
    pub(super) metrics: TraceMetrics,
    pub(super) messages: mpsc::Receiver<Message>,
    /// Whether the log already reports that spans are lost.
    pub(super) failing: bool,
}

impl Exporter {
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        let mut due = Instant::now();
        loop {
            let next = if batch.is_empty() {
                Ok(self.messages.recv().await)
            } else {
                timeout_at(due, self.messages.recv()).await
            };
            let mut flushed = None;
            match next {
                Ok(Some(Message::Span(span))) => {
                    if batch.is_empty() {
                        due = Instant::now() + GATHER;
                    }
                    batch.push(*span);
                    if batch.len() < BATCH {
                        continue;
                    }
                }
                Ok(Some(Message::Flush(done))) => flushed = Some(done),
                Ok(None) => break,
                Err(_) => {}
            }
            self.export(std::mem::take(&mut batch)).await;
            drop(flushed);
        }
        self.export(batch).await;
    }

    async fn export(&mut self, batch: Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let spans = batch.len() as u64;
        let request = request(&self.resource, batch);
        let mut attempt = 1;
        let sent = loop {
            match self.transport.send(&request).await {
                Err(error) if error.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_secs(1 << (attempt - 1))).await;
                    attempt += 1;
                }
                sent => break sent,
            }
        };
        match sent {
            Ok(rejected) => {
                let rejected = rejected.min(spans);
                self.metrics.exported.inc_by(spans - rejected);
                self.metrics.failed.inc_by(rejected);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the trace export succeeds again");
                }
            }
            Err(error) => {
                self.metrics.failed.inc_by(spans);
                // Once is enough; the metric counts the rest.
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = mfa_gateway_core::chain(&error), "the trace export failed");
                }
            }
        }
    }
}
