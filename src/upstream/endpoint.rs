//! One endpoint: its load, its health and its connections.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::caller::Caller;
use super::connect::Connector;
use super::metrics::{EndpointFailure, EndpointMetrics};
use super::pool::{Http1, Lease, Pool, Shared};
use super::{Protocol, Settings, UpstreamError};
use mfa_gateway_wire::{FrameStream, LazyTimer, RequestSlot, UpstreamStream};

/// How many responses that say "bad gateway", "unavailable" or "timeout" in a row set an endpoint aside.
const TOLERATED_ANSWERS: u32 = 5;

/// How much of a response over HTTP/2 an upstream may send that its client hasn't taken. All requests share a
/// connection, whose own window is the largest possible (RFC 9113 section 6.9.1): clients that don't read must not use
/// up the window that others wait for.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// The largest head of a response over HTTP/2, as its fields are counted (RFC 9113 section 6.5.2): the same as over
/// HTTP/1.1.
const MAX_HEADER_LIST: u32 = 64 << 10;

/// The longest time an endpoint is set aside.
const MAX_ASIDE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Endpoint {
    uri: http::Uri,
    settings: Arc<Settings>,
    connector: Connector,
    pool: Pool,
    metrics: EndpointMetrics,
    /// Whether anything is noted in its health. Nearly always nothing is, and no lock is taken to know.
    is_in_trouble: AtomicBool,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    bad_answers: u32,
    aside_until: Option<Instant>,
}

/// A request under way at an endpoint.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Endpoint>);

impl InFlight {
    /// Records that a response ended early. The endpoint isn't set aside, because it does respond.
    pub(super) fn broke_off(&self, error: &(dyn std::error::Error + 'static)) {
        self.0.metrics.failed(EndpointFailure::Exchange);
        tracing::warn!(endpoint = self.0.name(), error = mfa_gateway_core::chain(error), "a response ended early");
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}

impl Endpoint {
    pub(super) fn new(uri: http::Uri, settings: Arc<Settings>, connector: Connector, metrics: EndpointMetrics) -> Self {
        let pool = Pool::new(settings.keep_alive);
        Self {
            uri,
            settings,
            connector,
            pool,
            metrics,
            is_in_trouble: AtomicBool::new(false),
            health: Mutex::default(),
        }
    }

    pub(super) fn uri(&self) -> &http::Uri {
        &self.uri
    }

    /// Its host and port.
    pub(super) fn name(&self) -> String {
        self.uri.authority().map_or_else(String::new, ToString::to_string)
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn in_flight(&self) -> i64 {
        self.metrics.in_flight.get()
    }

    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.metrics.in_flight.inc();
        InFlight(Arc::clone(self))
    }

    pub(super) fn is_set_aside(&self) -> bool {
        let in_trouble = self.is_in_trouble.load(Ordering::Acquire);
        in_trouble && self.health().aside_until.is_some_and(|until| Instant::now() < until)
    }

    /// Records a response. One from a failing proxy counts as a failure only if it repeats.
    pub(super) fn answered(&self, status: http::StatusCode) {
        self.metrics.responded(status);
        let is_bad = matches!(status.as_u16(), 502..=504);
        if !is_bad && !self.is_in_trouble.load(Ordering::Acquire) {
            return;
        }
        let mut health = self.health();
        self.is_in_trouble.store(is_bad, Ordering::Release);
        if !is_bad {
            *health = Health::default();
            return;
        }
        self.metrics.failed(EndpointFailure::BadAnswer);
        health.bad_answers += 1;
        if health.bad_answers >= TOLERATED_ANSWERS {
            health.set_aside();
        }
    }

    /// Records that there was no response.
    pub(super) fn failed(&self, error: &UpstreamError) {
        self.metrics.failed(match error {
            UpstreamError::Tls(_) | UpstreamError::Connect { .. } | UpstreamError::ConnectTimeout { .. } => {
                EndpointFailure::Connect
            }
            UpstreamError::ResponseTimeout { .. } => EndpointFailure::Timeout,
            UpstreamError::Exchange { .. } | UpstreamError::Response { .. } | UpstreamError::RequestBody { .. } => {
                EndpointFailure::Exchange
            }
        });
        let mut health = self.health();
        self.is_in_trouble.store(true, Ordering::Release);
        health.set_aside();
    }

    /// Records in the metrics whether it is set aside: that ends by time alone.
    pub(super) fn observe(&self) {
        self.metrics.set_aside.set(i64::from(self.is_set_aside()));
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for one request: a kept one, or a new one.
    pub(super) async fn lease(self: &Arc<Self>, caller: &Caller<'_>, now: Instant) -> Result<Lease, UpstreamError> {
        match self.pool.take(caller, now) {
            Some(lease) => Ok(lease),
            None => self.fresh_lease().await,
        }
    }

    /// A connection that no other request used, if the protocol has such.
    pub(super) async fn fresh_lease(self: &Arc<Self>) -> Result<Lease, UpstreamError> {
        let endpoint = || self.name();
        let after = self.settings.connect_timeout;
        // Boxed: most requests find a kept connection, and would carry the room for this in vain.
        match Box::pin(tokio::time::timeout(after, self.connect())).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(source)) => Err(UpstreamError::Connect { endpoint: endpoint(), source }),
            Err(_) => Err(UpstreamError::ConnectTimeout { endpoint: endpoint(), after }),
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Lease, mfa_gateway_wire::BoxError> {
        if self.settings.protocol == Protocol::Http2 {
            // One connection carries all requests; requests that arrive while it is opened wait for it.
            let mut shared = self.pool.shared().await;
            let number = shared.number;
            if let Some(sender) = shared.sender.as_ref().filter(|sender| !sender.is_closed()) {
                return Ok(Lease::Http2 { sender: sender.clone(), number, reused: true, spare: None });
            }
            let io = TokioIo::new(FrameStream::new(self.connector.connect(&self.uri).await?));
            let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(20))
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_header_list_size(MAX_HEADER_LIST)
                .handshake(io)
                .await?;
            tokio::spawn(connection);
            let number = number + 1;
            *shared = Shared { sender: Some(sender.clone()), number };
            return Ok(Lease::Http2 { sender, number, reused: false, spare: None });
        }
        let stream = UpstreamStream::new(self.connector.connect(&self.uri).await?);
        let slot = stream.slot();
        let (sender, connection) = hyper::client::conn::http1::Builder::new().handshake(TokioIo::new(stream)).await?;
        tokio::spawn(watch(connection.with_upgrades(), slot.clone(), Arc::downgrade(self)));
        Ok(Lease::Http1(Box::new(Http1 {
            sender,
            slot,
            reused: false,
            same_caller: false,
            deadline: LazyTimer::default(),
        })))
    }
}

/// Drives a connection to its end. If it received unsolicited bytes, the endpoint's other connections may too.
async fn watch(connection: impl Future<Output = hyper::Result<()>>, slot: RequestSlot, endpoint: Weak<Endpoint>) {
    let ended = connection.await;
    if let (true, Some(endpoint)) = (slot.received_unsolicited(), endpoint.upgrade()) {
        endpoint.pool.distrust();
        tracing::warn!(endpoint = endpoint.name(), "an upstream sent bytes that belong to no response");
    } else if let Err(error) = ended {
        tracing::debug!(error = mfa_gateway_core::chain(&error), "a connection to an upstream ended with an error");
    }
}

impl Health {
    /// Sets the endpoint aside: for one second, and twice as long with each failure in a row. What was under way when
    /// it was set aside, and fails with it, is the same failure.
    fn set_aside(&mut self) {
        if self.aside_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let pause = Duration::from_secs(1 << self.failures.min(5)).min(MAX_ASIDE);
        self.failures += 1;
        self.aside_until = Some(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_together_is_one_failure() {
        let mut health = Health::default();
        let mut aside = async |seconds| {
            for _ in 0..6 {
                health.set_aside();
            }
            assert_eq!(health.aside_until.map(|until| until - Instant::now()), Some(Duration::from_secs(seconds)));
            tokio::time::advance(Duration::from_secs(seconds)).await;
        };
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            aside(seconds).await;
        }
    }
}
