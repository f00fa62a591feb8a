//! Accepting connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::Response;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::accepted::{Accepted, Stream};
use super::admission::Admission;
use super::connection::{Newcomer, serve};
use super::listening::Listening;
use super::watch::Ends;
use super::workers::Workers;
use super::{ConnectionSettings, Metrics, ServerTls, Settings};
use crate::faces;
use crate::gateway::Arrived;
use mfa_gateway_wire::Body;

/// How many of the connections that wait in a listener's queue are taken when it closes.
const QUEUE: usize = 1024;

/// Accepts connections and has each served by a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    /// Read for each new connection, so that a reload counts from the next one on.
    settings: Arc<ArcSwap<ConnectionSettings>>,
    admission: Admission,
    free: Arc<Semaphore>,
    /// Ends accepting.
    pub(crate) closing: CancellationToken,
    /// Asks connections to finish.
    pub(crate) finishing: CancellationToken,
    /// Ends connections.
    stop: CancellationToken,
    pub(crate) connections: TaskTracker,
    metrics: Metrics,
    workers: Workers,
}

/// How connections of one listener begin.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    /// With TLS, if there is a configuration. A reload may bring another.
    pub(crate) tls: Arc<ArcSwapOption<ServerTls>>,
    /// With the PROXY protocol, before that.
    pub(crate) proxy_protocol: bool,
    /// From proxies that ask, if it is an authorizer's.
    pub(crate) authorizer: Option<Arc<ArcSwap<faces::Settings>>>,
}

struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Acceptor {
    pub(crate) fn new(settings: &Settings, stop: CancellationToken, workers: Workers, metrics: &Metrics) -> Self {
        Self {
            settings: Arc::new(ArcSwap::from_pointee(settings.connection)),
            admission: Admission::new(settings, metrics),
            free: Arc::new(Semaphore::new(settings.connections)),
            closing: CancellationToken::new(),
            finishing: CancellationToken::new(),
            stop,
            connections: TaskTracker::new(),
            metrics: metrics.clone(),
            workers,
        }
    }

    /// The same, which neither closes nor asks connections to finish before all ends.
    pub(crate) fn until_the_end(self) -> Self {
        Self { closing: self.stop.clone(), finishing: self.stop.clone(), ..self }
    }

    /// Applies other settings from the next connection on.
    pub(crate) fn change(&self, settings: &Settings) {
        self.settings.store(Arc::new(settings.connection));
        self.admission.change(settings);
    }

    /// Accepts until closing begins. Beyond the limit, connections wait in the listener's queue.
    pub(crate) async fn accept<S>(self, listener: Listening, entrance: Entrance, service: S)
    where
        S: Service<Arrived, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        // Nobody takes the connections for ended while there may be another.
        let _last = self.connections.token();
        loop {
            if self.free.available_permits() == 0 {
                self.metrics.full();
            }
            let permit = tokio::select! {
                () = self.closing.cancelled() => break,
                permit = Arc::clone(&self.free).acquire_owned() => permit,
            };
            let accepted = tokio::select! {
                () = self.closing.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match (accepted, permit) {
                (Ok((stream, address)), Ok(permit)) => self.serve((stream, address), permit, &entrance, &service),
                (Ok(_), Err(_)) => {}
                (Err(error), _) => rest_after(&error).await,
            }
        }
        // Clients in the queue have sent a request or are about to. Closing the queue resets them.
        let Ok(queue) = listener.into_queue() else { return };
        for _ in 0..QUEUE {
            let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
            let Ok((stream, address)) = queue.accept() else { return };
            if let Ok(stream) = stream.set_nonblocking().and_then(|()| stream.into_tokio()) {
                self.serve((stream, address), permit, &entrance, &service);
            }
        }
    }

    /// Has a connection served by a task of its own.
    fn serve<S>(
        &self,
        (stream, address): (Stream, SocketAddr),
        permit: OwnedSemaphorePermit,
        entrance: &Entrance,
        service: &S,
    ) where
        S: Service<Arrived, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        self.metrics.accepted();
        let place = self.workers.place();
        let (runtime, stream) = (place.runtime().clone(), Accepted::new(stream, &place));
        let held = Arc::new((permit, Open(self.metrics.connections.clone()), self.connections.token(), place));
        let newcomer = Newcomer {
            stream,
            address,
            admission: self.admission.clone(),
            proxy_protocol: entrance.proxy_protocol,
            tls: entrance.tls.load_full(),
            authorizer: entrance.authorizer.as_ref().map(|settings| settings.load_full()),
            held,
        };
        let (settings, finishing) = (**self.settings.load(), self.finishing.clone());
        let ends = Ends { finishing, stop: self.stop.clone() };
        self.connections.spawn_on(serve(newcomer, service.clone(), settings, ends), &runtime);
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
