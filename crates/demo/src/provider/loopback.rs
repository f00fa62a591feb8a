//! A small HTTP/1.1 server on loopback, for the demo's own services.
//!
//! It refuses every other address: a provider that signs anybody in, and an API that trusts its callers' headers,
//! must not be reachable from elsewhere.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Answer;

const MAX_CONNECTIONS: usize = 1024;
const MAX_HEAD: usize = 64 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The handler gave no response, so the connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("the server doesn't respond")]
struct Unanswered;

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct LoopbackServer {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl LoopbackServer {
    /// Binds a loopback address; port 0 takes a free one.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        if address.ip().is_loopback() {
            TcpListener::bind(address).await
        } else {
            let reason = format!("{address} is not a loopback address, and the demo listens on loopback only");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
    }

    /// Serves `listener` on the current runtime; where `handler` gives no response, the connection is closed.
    pub(crate) fn serve<H, F>(listener: TcpListener, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Answer>> + Send + 'static,
    {
        let (address, stop, tasks) = (listener.local_addr()?, CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept_until(stop.clone(), listener, tasks.clone(), handler));
        Ok(Self { address, stop, tasks })
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, and waits until the port and every connection are closed.
    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept_until<H, F>(stop: CancellationToken, listener: TcpListener, tasks: TaskTracker, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Answer>> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accepting = async {
        loop {
            if let Some((stream, slot)) = accept(&listener, &slots).await {
                let connection = serve_connection(stream, slot, handler.clone());
                let stop = stop.clone();
                tasks.spawn(async move { stop.run_until_cancelled(connection).await });
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            tracing::debug!(%error, "could not accept a connection to the demo");
            // Out of file descriptors, say: give others time to close theirs.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn serve_connection<H, F>(stream: TcpStream, _slot: OwnedSemaphorePermit, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Option<Answer>>,
{
    // Without it, small answers on a kept connection wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handler(request);
        async { answer.await.ok_or(Unanswered) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the demo ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_is_bound() {
        let refused = LoopbackServer::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[tokio::test]
    async fn a_stopped_server_gives_its_port_back() {
        let listener = LoopbackServer::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let server = LoopbackServer::serve(listener, |_| async { None }).unwrap();
        let address = server.address();
        server.shutdown().await;
        assert!(LoopbackServer::bind(address).await.is_ok());
    }
}
