//! Uploads that don't move: whose turn it is decides whose time runs.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{CONFIG, Gateway, Recorder, World, raw, within};

/// More than sockets, windows and buffers hold.
const LARGE: usize = 64 << 20;

/// A backend that takes connections, and reads nothing of them but what has to be.
async fn deaf(http2: bool) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            if http2 {
                let service = service_fn(async |_body: Request<Incoming>| {
                    std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
                });
                tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
            } else {
                kept.push(stream);
            }
        }
    });
    (address, serving)
}

async fn gateway(upstream: &str, protocol: &str) -> Gateway {
    let config = CONFIG.replace("${UPSTREAM}", upstream);
    let named = format!("name: api, response_timeout: 500ms, protocol: {protocol},");
    World::new().await.gateway(&config.replace("name: api,", &named)).await
}

fn head(gateway: &Gateway, length: usize) -> String {
    let jane = gateway.jane();
    format!("POST /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jane}\r\nContent-Length: {length}\r\n\r\n")
}

#[tokio::test]
async fn an_upstream_that_stops_reading_is_given_up() {
    for protocol in ["http1", "http2"] {
        let (address, serving) = deaf(protocol == "http2").await;
        let gateway = gateway(&format!("http://{address}"), protocol).await;
        let client = TcpStream::connect(gateway.address()).await.unwrap();
        let (mut read, mut write) = client.into_split();
        let head = head(&gateway, LARGE);
        let sending = tokio::spawn(async move {
            write.write_all(head.as_bytes()).await.unwrap();
            // It is broken off.
            let _ = write.write_all(&vec![b'x'; LARGE]).await;
        });
        let mut answer = vec![0; 4096];
        let count = within("an answer", read.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert!(raw::status(&answer) == 504 && answer.contains("upstream_timeout"), "{protocol}: {answer}");
        sending.abort();
        serving.abort();
    }
}

#[tokio::test]
async fn an_upstream_does_not_answer_for_a_client_that_pauses() {
    for protocol in ["http1", "http2"] {
        let upstream = if protocol == "http2" { Recorder::http2().await } else { Recorder::start().await };
        let gateway = gateway(&upstream.url(), protocol).await;
        let mut client = TcpStream::connect(gateway.address()).await.unwrap();
        client.write_all((head(&gateway, 6) + "abc").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        client.write_all(b"def").await.unwrap();
        let mut answer = vec![0; 4096];
        let count = within("an answer", client.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert_eq!(raw::status(&answer), 200, "{protocol}: {answer}");
        assert_eq!(upstream.only().body, "abcdef");
    }
}

#[tokio::test]
async fn a_body_without_a_length_arrives_whatever_the_method() {
    let gateway = Gateway::start().await;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "QUERY"] {
        let head = head(&gateway, 0).replace("POST", method).replace("Content-Length: 0", "Transfer-Encoding: chunked");
        let head = head.replace("Host: a\r\n", "Host: a\r\nConnection: close\r\n");
        let answer = raw::exchange(gateway.address(), (head + "7\r\nabcdefg\r\n0\r\n\r\n").as_bytes()).await;
        assert_eq!(raw::status(&answer), 200, "{method}: {answer}");
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!((seen.method.as_str(), &seen.body[..]), (method, &b"abcdefg"[..]));
    }
}
