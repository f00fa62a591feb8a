//! Accepting connections.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use prometheus_client::metrics::gauge::Gauge;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::App;
use super::connection::{ConnectionSettings, serve};
use crate::net::Body;
use crate::telemetry::Metrics;

/// Accepts connections and has each served by a task of its own.
#[derive(Clone, Debug)]
pub(super) struct Acceptor {
    settings: ConnectionSettings,
    free: Arc<Semaphore>,
    draining: CancellationToken,
    stop: CancellationToken,
    connections: TaskTracker,
    open: Gauge,
}

struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Acceptor {
    pub(super) fn new(settings: ConnectionSettings, max: usize, app: &App, metrics: &Metrics) -> Self {
        Self {
            settings,
            free: Arc::new(Semaphore::new(max)),
            draining: app.draining.clone(),
            stop: app.stop.clone(),
            connections: app.connections.clone(),
            open: metrics.connections.clone(),
        }
    }

    /// Accepts until draining begins. Beyond the limit, connections wait in the listener's queue.
    pub(super) async fn accept<S>(self, listener: TcpListener, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        loop {
            let permit = tokio::select! {
                () = self.draining.cancelled() => return,
                permit = Arc::clone(&self.free).acquire_owned() => permit,
            };
            let accepted = tokio::select! {
                () = self.draining.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            };
            self.open.inc();
            let open = Open(self.open.clone());
            let connection = serve(stream, address, service.clone(), self.settings, self.draining.clone());
            let stop = self.stop.clone();
            self.connections.spawn(async move {
                let _held = (permit, open);
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = connection => {}
                }
            });
        }
    }
}

/// A client that left before it was accepted costs nothing; without file descriptors, time has to pass.
async fn rest_after(error: &io::Error) {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused => {}
        _ => {
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
