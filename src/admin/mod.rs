//! The admin listener: health and metrics, on an address of its own so that the traffic port serves neither.
//!
//! Readiness is about having started: every issuer's keys were had once. An issuer that goes down later must not take
//! the gateway out of service with it, unless it is the last one that had keys.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::jwks::{KeySource, Origin};
use crate::net::Body;
use crate::telemetry::Metrics;

/// How many admin connections there may be at once.
const MAX_CONNECTIONS: usize = 64;

/// Answers about the gateway's health.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    sources: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
    metrics: Arc<Metrics>,
    draining: CancellationToken,
    /// Whether every issuer's keys were had once.
    started: Arc<AtomicBool>,
}

impl Admin {
    pub(crate) fn new(
        sources: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
        metrics: Arc<Metrics>,
        draining: CancellationToken,
    ) -> Self {
        Self { sources, metrics, draining, started: Arc::default() }
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let admin = self.clone();
            let stop = stop.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let response = admin.answer(&request);
                    async { Ok::<_, Infallible>(response) }
                });
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).max_buf_size(16 << 10);
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                }
                drop(permit);
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = json_response(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "method not allowed"}));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/livez" | "/ping" => json_response(StatusCode::OK, &json!({"status": "alive"})),
            "/readyz" | "/ready" => self.readiness(),
            "/metrics" => self.metrics(),
            _ => json_response(
                StatusCode::NOT_FOUND,
                &json!({"error": "not found", "paths": ["/livez", "/readyz", "/metrics"]}),
            ),
        }
    }

    fn readiness(&self) -> Response<Body> {
        let sources = self.sources.load();
        let issuers: Vec<Value> = sources.iter().map(|source| about(source)).collect();
        if sources.iter().all(|source| source.status().had_keys) {
            self.started.store(true, Ordering::Relaxed);
        }
        // An issuer that a reload adds doesn't take away what works already.
        let started = self.started.load(Ordering::Relaxed);
        let usable = sources.is_empty() || sources.iter().any(|source| source.current().is_some());
        let (status, word) = if self.draining.is_cancelled() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else if !started || !usable {
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for keys")
        } else {
            (StatusCode::OK, "ready")
        };
        json_response(status, &json!({"status": word, "issuers": issuers}))
    }

    fn metrics(&self) -> Response<Body> {
        match self.metrics.encode() {
            Ok(text) => {
                let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                with_type(Response::new(Body::full(text)), media_type)
            }
            Err(error) => json_response(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": error.to_string()})),
        }
    }
}

/// What readiness says of an issuer.
fn about(source: &KeySource) -> Value {
    let status = source.status();
    json!({
        "issuer": source.name(),
        "keys": status.keys,
        "skippedKeys": status.skipped,
        "source": status.origin.map(Origin::name),
        "fetched": status.fetched.map(|at| at.to_string()),
        "ageSeconds": source.age().map(|age| age.as_secs()),
        "maxStaleSeconds": source.settings().max_stale.as_secs(),
        "failures": status.failures,
        "lastError": status.last_error,
        "nextRefresh": status.next_refresh.map(|at| at.to_string()),
    })
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = with_type(Response::new(Body::full(format!("{body}\n"))), "application/json");
    *response.status_mut() = status;
    response
}

fn with_type(mut response: Response<Body>, media_type: &'static str) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
