//! Interim answers of an upstream reach the client before the final one.

use mfa_gateway_core::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::gateway::START;
use crate::support::{CONFIG, Recorder, Scripted, Step, World, within};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn one_that_comes_with_the_final_answer_is_not_lost() {
    let upstream = Scripted::start(|_| vec![Step::send(&[HINTS, HINTS, OK].concat())]).await;
    let world = World::at(Clock::manual(START), Recorder::start().await).await.with("SCRIPTED", &upstream.url());
    let gateway = world.gateway(&CONFIG.replace("${UPSTREAM}", "${SCRIPTED}")).await;
    let head = format!("GET /v1/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", gateway.jane());
    let mut client = TcpStream::connect(gateway.address()).await.unwrap();
    for _ in 0..5 {
        client.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(within("the answer", client.read_u8()).await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        let (interim, last) = answer.split_at(answer.find("HTTP/1.1 200").unwrap());
        assert_eq!((interim.matches("HTTP/1.1 103").count(), last.matches("HTTP/1.1").count()), (2, 1), "{answer}");
    }
}
