//! Keys that are fetched: started without them, recovered, and the end of the tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mfa_gateway_layer::{Algorithm, BuildError, Clock, MfaGateway, Requirement, TrustedIssuer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{AUDIENCE, ISSUER, NOW, SIGNER, call, key_set, user, with};

/// A server of keys that fails so many times first. It counts.
async fn server(failures: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let keys = key_set(&[SIGNER.jwk()]);
            let response = if number < failures {
                "HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
            } else {
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{keys}",
                    keys.len()
                )
            };
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (format!("http://{address}/keys"), count)
}

async fn gateway(failures: usize) -> (MfaGateway, Arc<AtomicUsize>) {
    let (uri, count) = server(failures).await;
    let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE).algorithms([Algorithm::Es256]).jwks_uri(uri);
    (MfaGateway::builder().issuer(issuer).clock(Clock::manual(NOW)).build().await.unwrap(), count)
}

#[tokio::test]
async fn keys_are_there_when_the_rule_is() {
    let (gateway, count) = gateway(0).await;
    assert!(gateway.is_ready());
    assert_eq!(call(&gateway.layer(Requirement::mfa()), with(&user(&["mfa"]))).await.status.as_u16(), 200);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_keys_a_token_gets_503_and_never_401_until_they_come_by_themselves() {
    let (gateway, _) = gateway(2).await;
    assert!(!gateway.is_ready());
    let (layer, public) = (gateway.layer(Requirement::mfa()), gateway.layer(Requirement::public()));
    assert_eq!(call(&public, with(&user(&["mfa"]))).await.status.as_u16(), 200);
    let mut statuses = Vec::new();
    for _ in 0..100 {
        let answer = call(&layer, with(&user(&["mfa"]))).await;
        statuses.push(answer.status.as_u16());
        if answer.status.as_u16() == 200 {
            break;
        }
        assert_eq!((answer.field("retry-after"), answer.field("www-authenticate")), (Some("5"), None));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&503), Some(&200)), "{statuses:?}");
    assert!(!statuses.contains(&401), "{statuses:?}");
}

#[tokio::test]
async fn the_tasks_end_with_the_last_layer_or_on_shutdown() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let until = async |expected: usize| {
        for _ in 0..200 {
            if alive() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(alive(), expected);
    };
    let (gateway, _) = gateway(0).await;
    until(2).await;
    let layer = gateway.layer(Requirement::mfa());
    drop(gateway);
    assert_eq!(call(&layer, with(&user(&["mfa"]))).await.status.as_u16(), 200);
    assert_eq!(alive(), 2, "a layer keeps the keys fresh");
    drop(layer);
    until(1).await;

    let (gateway, _) = self::gateway(0).await;
    let layer = gateway.layer(Requirement::mfa());
    gateway.shutdown().await;
    until(2).await;
    gateway.shutdown().await;
    assert_eq!(call(&layer, with(&user(&["mfa"]))).await.status.as_u16(), 200, "the keys are still there");
}

#[test]
fn a_rule_without_a_runtime_is_an_error_and_no_panic() {
    let issuer = TrustedIssuer::new(ISSUER).audience(AUDIENCE);
    let built = std::pin::pin!(MfaGateway::builder().issuer(issuer).build());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = built.poll(&mut context) else { unreachable!("nothing is waited for") };
    assert!(matches!(result, Err(BuildError::NoRuntime)));
}
