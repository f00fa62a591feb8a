//! Serving one connection.

use std::any::Any;
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tower::Service;
use webpki::EndEntityCert;

use super::accepted::{Accepted, Stream};
use super::admission::{Admission, Arrival};
use super::idle_connection::IdleConnection;
use super::watch::{Ends, FAREWELL, Watch};
use super::{ConnectionSettings, ServerTls};
use crate::faces;
use crate::gateway::{Arrived, Peer, Shown};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::Thumbprint;
use mfa_gateway_wire::{Body, ClientStream, Socket, StreamLimits, Version, set_options};

/// hyper's view of the stack: it adds who is at the other end, and counts requests.
struct Served<S> {
    /// hyper calls its service by a shared reference, one request after the other.
    stack: RefCell<S>,
    peer: Arc<Peer>,
    requests: Arc<AtomicU64>,
}

impl<S> hyper::service::Service<Request<Incoming>> for Served<S>
where
    S: Service<Arrived, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let busy = Some(self.peer.handle.begin());
        let request = match request.version() {
            http::Version::HTTP_2 => request.map(Body::of_stream),
            _ => request.map(Body::from),
        };
        let arrived = Arrived { request, peer: Some(Arc::clone(&self.peer)), busy };
        // The stack is always ready: it refuses instead of making a request wait.
        self.stack.borrow_mut().call(arrived)
    }
}

/// A connection that was just accepted.
pub(super) struct Newcomer {
    pub(super) stream: Accepted,
    pub(super) address: SocketAddr,
    pub(super) admission: Admission,
    pub(super) proxy_protocol: bool,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) authorizer: Option<Arc<faces::Settings>>,
    /// What it counts against.
    pub(super) held: Arc<dyn Any + Send + Sync>,
}

/// Serves a connection until it ends, is idle for too long, or is asked to finish.
pub(super) async fn serve<S>(newcomer: Newcomer, stack: S, settings: ConnectionSettings, ends: Ends)
where
    S: Service<Arrived, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let start = Instant::now();
    let address = newcomer.address;
    // No timer of hyper's runs before it is known what the client speaks, so a silent client would stay without limit.
    let opened = tokio::select! {
        () = farewell(&ends) => return,
        () = ends.stop.cancelled() => return,
        // Boxed: what a handshake needs is not to be kept for as long as the connection.
        opened = timeout(settings.header_timeout, Box::pin(open(newcomer, settings))) => opened,
    };
    let Opened { stream, version, peer, settings } = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            tracing::debug!(client = %address, %error, "a connection could not be set up");
            return;
        }
        Err(_) => return,
    };
    let requests = Arc::new(AtomicU64::new(0));
    let address = peer.address;
    // h2 closes a connection in two steps, and waits for the client between them.
    let leaving = (version == Version::Http2).then(|| peer.handle.clone());
    let served = Served { stack: RefCell::new(stack), peer: Arc::new(peer), requests: Arc::clone(&requests) };
    let old = settings.age.map(|age| start + Random::system().jitter(age));
    let (first_by, idle) = (start + settings.header_timeout, settings.idle_timeout);
    let watch = Watch { requests, first_by, idle, old, ends, leaving };
    let result = match version {
        Version::Http1 => {
            let connection = IdleConnection::new(http1_builder(settings), stream, served, Arc::clone(&watch.requests));
            watch.over(connection, IdleConnection::finish).await
        }
        Version::Http2 => {
            let connection = Box::pin(http2_builder(settings).serve_connection(TokioIo::new(stream), served));
            watch.over(connection, |connection| connection.as_mut().graceful_shutdown()).await
        }
    };
    if let Some(Err(error)) = result {
        tracing::debug!(client = %address, error = mfa_gateway_core::chain(&error), "a connection ended with an error");
    }
}

/// How long a client that just connected may take to open the connection when the gateway finishes.
async fn farewell(ends: &Ends) {
    ends.finishing.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}

/// A connection whose other end is known.
struct Opened {
    stream: ClientStream,
    version: Version,
    peer: Peer,
    /// What it may do.
    settings: ConnectionSettings,
}

/// Learns who the client is, completes the TLS handshake, if there is one, and learns what the client speaks: by ALPN,
/// or from its first bytes.
async fn open(newcomer: Newcomer, settings: ConnectionSettings) -> std::io::Result<Opened> {
    let Newcomer { stream, address, admission, proxy_protocol, tls, authorizer, held } = newcomer;
    let mut stream = stream.take_over()?;
    let known = Arrival { address, untold: false };
    let (Arrival { address, untold }, user) = match &mut stream {
        Stream::Unix(stream) => (known, Some(stream.peer_cred()?.uid())),
        Stream::Tcp(stream) => {
            set_options(stream);
            (if proxy_protocol { admission.introduce(stream, address).await? } else { known }, None)
        }
    };
    // One proxy has the connections of many clients.
    let asks = authorizer.as_ref().is_some_and(|authorizer| authorizer.peers.admit_address(address.ip()));
    let admitted = if asks { None } else { admission.admit(address)? };
    let held = Arc::new((held, admitted));
    let over_tls = tls.is_some();
    let agreed = agree(stream, tls, settings.stream()).await;
    let (stream, version, Identity { certificate, thumbprint, names, shown }) =
        agreed.inspect_err(|_| admission.failed(over_tls))?;
    let forwarded_for = address.ip().to_canonical().to_string().try_into().ok();
    let peer = Peer {
        address,
        forwarded_for,
        untold,
        handle: stream.handle(),
        tls: over_tls,
        certificate,
        thumbprint,
        names,
        user,
        shown,
        held,
        carried: None,
    };
    let settings = match authorizer {
        Some(authorizer) if authorizer.peers.admit(&peer) => settings.of_peers(),
        None if admission.trusts(address) => settings.of_trusted_proxies(),
        _ => settings,
    };
    Ok(Opened { stream, version, peer, settings })
}

/// What a handshake says of both sides.
#[derive(Debug, Default)]
struct Identity {
    /// The client's certificate, if upstreams receive it.
    certificate: Option<HeaderValue>,
    /// Its thumbprint.
    thumbprint: Option<Thumbprint>,
    /// The names in it.
    names: Vec<String>,
    /// The gateway's.
    shown: Option<Box<dyn Shown>>,
}

async fn agree(
    stream: Stream,
    tls: Option<Arc<ServerTls>>,
    limits: StreamLimits,
) -> std::io::Result<(ClientStream, Version, Identity)> {
    let (stream, tls) = match (stream, tls) {
        (Stream::Tcp(stream), Some(tls)) => (stream, tls),
        (Stream::Tcp(stream), None) => return plain(Socket::Plain(stream), limits).await,
        (Stream::Unix(stream), None) => return plain(Socket::Unix(stream), limits).await,
        // No configuration says so.
        (Stream::Unix(_), Some(_)) => return Err(std::io::ErrorKind::Unsupported.into()),
    };
    let stream = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await?;
    let session = stream.get_ref().1;
    // Any certificate was verified in the handshake, or in the resumed one.
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    let names = certificate.map(|certificate| names(certificate)).unwrap_or_default();
    let thumbprint = certificate.map(|certificate| Thumbprint::of_certificate(certificate));
    let certificate = certificate.filter(|_| tls.forward_client).and_then(|certificate| byte_sequence(certificate));
    let shown = tls.shown(session.server_name());
    let version = match session.alpn_protocol() {
        Some(b"h2") => Version::Http2,
        _ => Version::Http1,
    };
    Ok((
        ClientStream::new(Socket::Tls(Box::new(stream.into())), version, limits),
        version,
        Identity { certificate, thumbprint, names, shown },
    ))
}

async fn plain(socket: Socket, limits: StreamLimits) -> std::io::Result<(ClientStream, Version, Identity)> {
    let (stream, version) = ClientStream::sniff(socket, limits).await?;
    Ok((stream, version, Identity::default()))
}

/// The names in a certificate: the DNS names and URIs of its subject alternative names.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    certificate.valid_dns_names().chain(certificate.valid_uri_names()).map(str::to_owned).collect()
}

/// Bytes as a field's value (RFC 8941 section 3.3.5), as RFC 9440 section 2.1 requires for a certificate.
fn byte_sequence(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::try_from(format!(":{}:", STANDARD.encode(bytes))).ok()
}

fn http1_builder(settings: ConnectionSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // Heads come whole, and their deadlines are kept by the stream. hyper's own would be one of 30 s, and a new
        // timer for each request.
        .header_read_timeout(None)
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.header_bytes.max(64 << 10));
    // Setting it has a cost, so the default stays unset.
    if settings.headers > 100 {
        builder.max_headers(settings.headers);
    }
    builder
}

fn http2_builder(settings: ConnectionSettings) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(settings.streams)
        .max_pending_accept_reset_streams(settings.pending_resets)
        .max_local_error_reset_streams(settings.stream_errors)
        // Written out, so that no new version of a dependency moves them. A connection's window is what it may have the
        // gateway hold for a slow upstream, whatever the number of its streams.
        .initial_connection_window_size(1 << 20)
        .initial_stream_window_size(1 << 20)
        .max_frame_size(16 << 10)
        .max_send_buf_size(400 << 10)
        .max_header_list_size(u32::try_from(settings.header_bytes).unwrap_or(u32::MAX));
    builder
}
