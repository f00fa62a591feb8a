//! What one caller may take of the gateway.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Gateway, until, within};

/// Connections that come from addresses of the test's choice.
const BALANCED: &str = "
listeners: [{ address: 127.0.0.1:0, proxy_protocol: required }]
admin: { address: 127.0.0.1:0 }
trusted_proxies: [127.0.0.1, 198.51.100.0/24]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
limits: { connections_per_address: 2 }
";

/// A connection from an address, if it is served.
async fn connect(gateway: &Gateway, from: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let family = if from.contains(':') { "TCP6" } else { "TCP4" };
    let bytes = format!("PROXY {family} {from} {from} 4000 443\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    let read = within("an answer or an end", stream.read_exact(&mut status)).await;
    read.is_ok().then(|| assert_eq!(&status, b"HTTP/1.1 200"))?;
    Some(stream)
}

#[tokio::test]
async fn an_address_that_has_too_many_connections_harms_itself_alone() {
    let gateway = Gateway::with(BALANCED).await;
    let first = connect(&gateway, "203.0.113.7").await.unwrap();
    let _second = connect(&gateway, "203.0.113.7").await.unwrap();
    assert!(connect(&gateway, "203.0.113.7").await.is_none());
    let _other = connect(&gateway, "203.0.113.8").await.unwrap();
    let refused = gateway.metric("mfa_gateway_connections_refused_total{reason=\"per_address\"}").await;
    assert!((refused - 1.0).abs() < 0.5, "{refused}");
    drop(first);
    until("its place to be free", async || connect(&gateway, "203.0.113.7").await.is_some()).await;
}

#[tokio::test]
async fn a_trusted_proxy_behind_a_balancer_has_as_many_connections_as_it_likes() {
    let gateway = Gateway::with(BALANCED).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(connect(&gateway, "198.51.100.1").await.unwrap());
    }
    // A reload changes the limit for connections to come.
    gateway.reload(&BALANCED.replace("connections_per_address: 2", "connections_per_address: 0"));
    for _ in 0..4 {
        open.push(connect(&gateway, "203.0.113.7").await.unwrap());
    }
    assert_eq!(open.len(), 8);
}
