//! The gateway's end: no request that a client may send in good faith is lost.

use std::io::Write;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{Call, Gateway, Http1, raw, within};

#[tokio::test]
async fn clients_that_go_on_asking_are_told_to_leave_and_lose_nothing() {
    let gateway = Gateway::start().await;
    let mut clients = JoinSet::new();
    for number in 0..16 {
        let (address, jane, john) = (gateway.address(), gateway.jane(), gateway.john());
        clients.spawn(async move {
            let mut connection = Http1::connect(address).await;
            for request in 0.. {
                let (token, code) = if (number + request) % 3 == 0 { (&john, 401) } else { (&jane, 200) };
                let answer = connection.send(&Call::get("/v1/x").bearer(token)).await;
                assert_eq!(answer.code(), code);
                if answer.header("connection") == Some("close") {
                    return request;
                }
                // Some are slow to ask again.
                sleep(Duration::from_millis(10 * (number % 8))).await;
            }
            unreachable!("the gateway ends")
        });
    }
    sleep(Duration::from_millis(200)).await;
    let before = Instant::now();
    let ((), requests) = tokio::join!(gateway.drain(), within("the clients", clients.join_all()));
    assert!(requests.iter().sum::<u64>() > 16, "{requests:?}");
    assert!(before.elapsed() < Duration::from_secs(5), "nobody else keeps it");
}

#[tokio::test]
async fn whoever_connected_before_is_answered() {
    let gateway = Gateway::start().await;
    let jane = gateway.jane();
    let head = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {jane}\r\n\r\n");
    // Without a pause, so that the gateway had no chance to accept them.
    let clients: Vec<std::net::TcpStream> = (0..8)
        .map(|number| {
            let mut client = std::net::TcpStream::connect(gateway.address()).unwrap();
            client.set_nonblocking(true).unwrap();
            // The others' requests are on their way.
            if number % 2 == 0 {
                client.write_all(head.as_bytes()).unwrap();
            }
            client
        })
        .collect();
    let ask = async {
        sleep(Duration::from_millis(200)).await;
        for (number, mut client) in clients.into_iter().enumerate() {
            if number % 2 == 1 {
                client.write_all(head.as_bytes()).unwrap();
            }
            let (mut client, mut answer) = (TcpStream::from_std(client).unwrap(), String::new());
            within("the answer", client.read_to_string(&mut answer)).await.unwrap();
            assert!(raw::status(&answer) == 200 && answer.contains("\r\nconnection: close\r\n"), "{number}: {answer}");
        }
    };
    tokio::join!(gateway.drain(), ask);
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_holds_nothing_up() {
    let gateway = Gateway::start().await;
    let address = gateway.address();
    let silent = TcpStream::connect(address).await.unwrap();
    let mut slow = std::net::TcpStream::connect(address).unwrap();
    slow.write_all(b"GET /v1/x HTTP/1.1\r\nHost:").unwrap();
    let mut idle = Http1::connect(address).await;
    assert_eq!(idle.send(&Call::get("/v1/x").bearer(&gateway.jane())).await.code(), 200);
    let before = Instant::now();
    gateway.drain().await;
    assert!(before.elapsed() < Duration::from_secs(6), "{:?}", before.elapsed());
    drop((silent, slow, idle));
}
