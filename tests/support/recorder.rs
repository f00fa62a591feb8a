//! A server that records what reaches it: the upstream, a key server, or somebody who must never be called.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query, byte for byte.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Seen {
    /// A header's only value; panics if there are two, since one of them would be somebody else's.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came twice");
        first
    }
}

/// What a recorder answers.
pub(crate) type Respond = dyn Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync;

/// A running recorder; it stops when it is dropped.
pub(crate) struct Recorder {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    seen: Mutex<Vec<Seen>>,
    respond: Mutex<Box<Respond>>,
}

impl Recorder {
    /// A recorder that answers `200 ok`.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| Response::new(Full::from("ok"))).await
    }

    /// A recorder that answers as told.
    pub(crate) async fn answering(respond: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static) -> Self {
        Self::serve(false, Box::new(respond)).await
    }

    /// A recorder that speaks HTTP/2 with prior knowledge.
    pub(crate) async fn http2() -> Self {
        Self::serve(true, Box::new(|_| Response::new(Full::from("ok")))).await
    }

    /// A recorder that speaks HTTP/2 and answers as told.
    pub(crate) async fn http2_answering(
        respond: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self::serve(true, Box::new(respond)).await
    }

    /// A recorder that publishes a key set.
    pub(crate) async fn key_set(document: String) -> Self {
        let recorder = Self::start().await;
        recorder.publish(document);
        recorder
    }

    /// Answers with this JSON document from now on.
    pub(crate) fn publish(&self, document: String) {
        *self.state.respond.lock().unwrap() = Box::new(move |_| {
            let mut response = Response::new(Full::from(document.clone()));
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
            response
        });
    }

    async fn serve(http2: bool, respond: Box<Respond>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { seen: Mutex::default(), respond: Mutex::new(respond) });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                connections.spawn(async move {
                    let io = TokioIo::new(stream);
                    // A connection that breaks off is the test's doing.
                    let _ = if http2 {
                        http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
                    } else {
                        http1::Builder::new().serve_connection(io, service).await
                    };
                });
            }
        });
        Self { address, state, accepting }
    }

    /// `http://127.0.0.1:{port}`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many requests arrived so far.
    pub(crate) fn count(&self) -> usize {
        self.state.seen.lock().unwrap().len()
    }

    /// The one request that arrived.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "requests: {seen:?}");
        seen.into_iter().next().unwrap()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let (method, mut headers) = (parts.method, parts.headers);
    // In HTTP/2 the host stands in `:authority`.
    if let Some(authority) = parts.uri.authority().filter(|_| parts.version == http::Version::HTTP_2) {
        headers.insert(http::header::HOST, authority.as_str().parse().unwrap());
    }
    let (body, trailers) = match body.collect().await {
        Ok(body) => {
            let trailers = body.trailers().cloned();
            (body.to_bytes(), trailers)
        }
        Err(_) => (Bytes::from_static(b"(broke off)"), None),
    };
    let seen = Seen { method, target, headers, body, trailers };
    let response = (state.respond.lock().unwrap())(&seen);
    state.seen.lock().unwrap().push(seen);
    Ok(response)
}
