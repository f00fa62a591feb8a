//! A client for one request or one connection, over HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::client::conn::{http1, http2};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::within;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Call {
    pub(crate) fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn post(target: &str, body: &str) -> Self {
        Self { body: Bytes::copy_from_slice(body.as_bytes()), ..Self::new(Method::POST, target) }
    }

    pub(crate) fn new(method: Method, target: &str) -> Self {
        Self { method, target: target.to_owned(), headers: HeaderMap::new(), body: Bytes::new(), trailers: None }
    }

    /// The same, with this body.
    pub(crate) fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same, for another target.
    pub(crate) fn at(self, target: &str) -> Self {
        Self { target: target.to_owned(), ..self }
    }

    /// The same, with an access token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same, with one more field.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same, with a trailer.
    pub(crate) fn trailer(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.trailers.get_or_insert_default().append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn body(&self) -> BoxBody<Bytes, std::convert::Infallible> {
        let data = (!self.body.is_empty()).then(|| Frame::data(self.body.clone()));
        let trailers = self.trailers.clone().map(Frame::trailers);
        if data.is_none() && trailers.is_none() {
            return http_body_util::Empty::new().boxed();
        }
        let frames: Vec<_> = data.into_iter().chain(trailers).map(Ok).collect();
        http_body_util::StreamBody::new(futures_util::stream::iter(frames)).boxed()
    }

    fn request(&self, uri: &str) -> Request<BoxBody<Bytes, std::convert::Infallible>> {
        let mut request = Request::new(self.body());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    /// The reason phrase of the status line, if it isn't the usual one.
    pub(crate) reason: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn code(&self) -> u16 {
        self.status.as_u16()
    }

    /// A header's only value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came twice");
        first
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The reason code of a refusal.
    pub(crate) fn refusal(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// What a client of a Unix socket calls the gateway.
const NO_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

/// An HTTP/1.1 connection.
pub(crate) struct Http1 {
    sender: http1::SendRequest<BoxBody<Bytes, std::convert::Infallible>>,
    address: SocketAddr,
}

impl Http1 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address).await
    }

    /// By a Unix socket.
    pub(crate) async fn at(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).await.unwrap(), NO_ADDRESS).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, address: SocketAddr) -> Self {
        let (sender, connection) =
            http1::Builder::new().max_headers(300).handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, address }
    }

    pub(crate) async fn send(&mut self, call: &Call) -> Answer {
        let mut request = call.request(&call.target);
        let host = HeaderValue::from_str(&self.address.to_string()).unwrap();
        request.headers_mut().entry("host").or_insert(host);
        if call.trailers.is_some() {
            request.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
            let names = call.trailers.iter().flat_map(HeaderMap::keys).map(HeaderName::as_str);
            let names = names.collect::<Vec<_>>().join(", ");
            request.headers_mut().insert("trailer", HeaderValue::from_str(&names).unwrap());
        }
        within("an answer over HTTP/1.1", async {
            self.sender.ready().await.unwrap();
            read(self.sender.send_request(request).await.unwrap()).await
        })
        .await
    }
}

/// An HTTP/2 connection, with prior knowledge. Clones share it.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: http2::SendRequest<BoxBody<Bytes, std::convert::Infallible>>,
    address: SocketAddr,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address).await
    }

    /// By a Unix socket.
    pub(crate) async fn at(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).await.unwrap(), NO_ADDRESS).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, address: SocketAddr) -> Self {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, address }
    }

    pub(crate) async fn send(&self, call: &Call) -> Answer {
        let request = call.request(&format!("http://{}{}", self.address, call.target));
        let mut sender = self.sender.clone();
        within("an answer over HTTP/2", async {
            sender.ready().await.unwrap();
            read(sender.send_request(request).await.unwrap()).await
        })
        .await
    }
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Answer {
    let reason = response.extensions().get::<ReasonPhrase>();
    let reason = reason.map(|phrase| String::from_utf8(phrase.as_bytes().to_vec()).unwrap());
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, version: parts.version, reason, headers: parts.headers, body }
}
