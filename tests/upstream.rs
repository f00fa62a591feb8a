//! What an upstream answers reaches the one who asked, if it is sound, and nobody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::gateway::START;
use crate::support::{Answer, CONFIG, Call, Gateway, Http1, Recorder, Scripted, Step, World, raw, until, within};
use mfa_gateway_core::clock::Clock;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/// A gateway before an upstream that answers `ok`, and does for other targets what `script` says.
async fn gateway(script: impl Fn(&str) -> Option<Vec<Step>> + Send + Sync + 'static) -> (Gateway, Scripted) {
    let upstream = Scripted::start(move |target| script(target).unwrap_or_else(|| vec![Step::send(OK)])).await;
    let world = World::at(Clock::manual(START), Recorder::start().await).await.with("SCRIPTED", &upstream.url());
    (world.gateway(&CONFIG.replace("${UPSTREAM}", "${SCRIPTED}")).await, upstream)
}

fn is_refused(answer: &Answer) {
    assert_eq!((answer.code(), &*answer.refusal()), (502, "upstream_failed"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for internal in ["127.0.0.1", "hyper", "RFC 9112", "poison", "secret"] {
        assert!(!text.contains(internal), "{text}");
    }
}

const UNSOUND: &[&str] = &[
    "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\nX: secret\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: secret\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent_Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\npoison",
    "HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 600 High\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 2000 Long\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 abc\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "SSH-2.0-secret\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
];

#[tokio::test]
async fn an_unsound_answer_is_502_and_its_connection_is_not_used_again() {
    let (gateway, upstream) = gateway(|target| {
        let number: usize = target.strip_prefix("/v1/unsound/")?.parse().ok()?;
        Some(vec![Step::send(UNSOUND[number])])
    })
    .await;
    let jane = gateway.jane();
    for (number, bytes) in UNSOUND.iter().enumerate() {
        // Once over a kept connection, if there is one.
        assert_eq!(gateway.get("/v1/sound", &jane).await.code(), 200);
        let answer = gateway.get(&format!("/v1/unsound/{number}"), &jane).await;
        assert_eq!(answer.code(), 502, "{bytes:?}");
        is_refused(&answer);
    }
    let seen = upstream.seen();
    for (number, bytes) in UNSOUND.iter().enumerate() {
        let target = format!("/v1/unsound/{number}");
        let mut times = seen.iter().enumerate().filter(|(_, (_, seen))| *seen == target);
        let (at, (connection, _)) = times.next().unwrap();
        assert_eq!(times.next(), None, "{bytes:?} was asked for again");
        assert!(seen[at + 1..].iter().all(|(other, _)| other != connection), "{bytes:?}");
    }
}

#[tokio::test]
async fn endless_heads_and_floods_of_interim_answers_are_502() {
    let (gateway, _upstream) = gateway(|target| match target {
        "/v1/large" => Some(vec![Step::Send(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(100_000)).into())]),
        "/v1/endless" => Some(vec![Step::send("HTTP/1.1 200 OK\r\n"), Step::Send(b"X: abc\r\n".repeat(20_000))]),
        "/v1/flood" => Some(vec![Step::Send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000))]),
        "/v1/few" => Some(vec![Step::send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 \r\n\r\n"), Step::send(OK)]),
        _ => None,
    })
    .await;
    for target in ["/v1/large", "/v1/endless", "/v1/flood"] {
        is_refused(&gateway.get(target, &gateway.jane()).await);
    }
    assert_eq!(gateway.get("/v1/few", &gateway.jane()).await.code(), 200);
}

/// A target says what follows the answer, and when.
fn poisoned(target: &str) -> Option<Vec<Step>> {
    let (time, kind) = target.strip_prefix("/v1/poisoned/")?.split_once('/')?;
    let poison = match kind {
        "answer" => POISON,
        "half" => "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoi",
        "interim" => "HTTP/1.1 103 Early Hints\r\nX: poison\r\n\r\n",
        _ => "x",
    };
    Some(match time {
        "0" => vec![Step::Send([OK, poison].concat().into())],
        time => vec![Step::send(OK), Step::Wait(Duration::from_millis(time.parse().unwrap())), Step::send(poison)],
    })
}

#[tokio::test]
async fn bytes_behind_an_answer_answer_nobody() {
    for kind in ["answer", "half", "interim", "x"] {
        let (gateway, _upstream) = gateway(poisoned).await;
        let jane = gateway.jane();
        let mut client = Http1::connect(gateway.address()).await;
        for _ in 0..3 {
            let call = Call::get(&format!("/v1/poisoned/0/{kind}")).bearer(&jane);
            for call in [call, Call::get("/healthz"), Call::post("/v1/x", "order").bearer(&jane)] {
                let answer = client.send(&call).await;
                assert_eq!((answer.code(), &answer.body[..]), (200, &b"ok"[..]), "{kind}: {call:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_rests_before_it_is_used_for_another_client() {
    let (gateway, upstream) = gateway(|_| None).await;
    let mut clients = [Http1::connect(gateway.address()).await, Http1::connect(gateway.address()).await];
    for round in 0..20 {
        let start = Instant::now();
        for client in &mut clients {
            assert_eq!(client.send(&Call::get("/healthz")).await.body, "ok");
        }
        // A machine that is too slow lets it rest for long enough meanwhile.
        if start.elapsed() < Duration::from_millis(10) {
            let [(one, _), (other, _)] = upstream.seen()[round * 2..] else { panic!("not two requests") };
            assert_ne!(one, other);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn bytes_that_came_just_before_the_next_request_answer_nobody() {
    let (gateway, upstream) = gateway(poisoned).await;
    let mut client = Http1::connect(gateway.address()).await;
    let jane = gateway.jane();
    for round in 1..=10 {
        assert_eq!(client.send(&Call::get("/v1/poisoned/10/answer").bearer(&jane)).await.body, "ok");
        // What is written is in the gateway's socket, but its runtime needn't know of it yet.
        upstream.done(round * 2 - 1).await;
        let answer = client.send(&Call::post("/v1/x", "order").bearer(&jane)).await;
        assert_eq!((answer.code(), &answer.body[..]), (200, &b"ok"[..]), "{round}");
    }
    assert_eq!(upstream.seen().len(), 20, "{:?}", upstream.seen());
}

#[tokio::test]
async fn a_body_where_there_is_none_answers_nobody() {
    const BODIED: &str = "Content-Length: 48\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\nX: y\r\n\r\npoison";
    let (gateway, _upstream) = gateway(|target| {
        let status = target.strip_prefix("/v1/status/")?;
        Some(vec![Step::Send(format!("HTTP/1.1 {status} X\r\n{BODIED}").into())])
    })
    .await;
    let jane = gateway.jane();
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = gateway.send(&Call::new(method, &format!("/v1/status/{status}")).bearer(&jane)).await;
        assert_eq!((answer.code(), &answer.body[..]), (status, &b""[..]));
        for _ in 0..3 {
            let answer = gateway.get("/v1/x", &jane).await;
            assert_eq!((answer.code(), &answer.body[..]), (200, &b"ok"[..]));
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_broken_off_for_the_client_too() {
    let (gateway, _upstream) = gateway(|target| {
        let pause = Step::Wait(Duration::from_millis(30));
        Some(match target {
            "/v1/chunk" => vec![
                Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
                pause,
                Step::send("zz\r\npoison"),
            ],
            "/v1/cut" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"), pause, Step::Close],
            "/v1/cut-chunk" => {
                vec![Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok"), pause, Step::Close]
            }
            "/v1/cut-head" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Le"), pause, Step::Close],
            _ => return None,
        })
    })
    .await;
    let bearer = format!("Bearer {}", gateway.jane());
    for target in ["/v1/chunk", "/v1/cut", "/v1/cut-chunk"] {
        let answer = raw::request(gateway.address(), "GET", target, &[("Authorization", &bearer)]).await;
        // Unless it was all read at once.
        assert!(matches!(raw::status(&answer), 200 | 502), "{target}: {answer}");
        assert!(
            raw::status(&answer) == 502 || !answer.ends_with("0\r\n\r\n") && !answer.contains("poison"),
            "{target}: {answer}"
        );
    }
    is_refused(&gateway.get("/v1/cut-head", &gateway.jane()).await);
}

#[tokio::test]
async fn a_connection_whose_answer_came_early_is_not_used_again() {
    let (gateway, upstream) = gateway(|_| None).await;
    let bearer = format!("Authorization: Bearer {}\r\n", gateway.jane());
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for number in 0..3 {
        // The rest of the body would be the next request, for a backend that doesn't read it.
        let length = smuggled.len() + 5;
        let head =
            format!("POST /v1/early/{number} HTTP/1.1\r\nHost: a\r\n{bearer}Content-Length: {length}\r\n\r\nhello");
        let mut client = tokio::net::TcpStream::connect(gateway.address()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut client, head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut client, &mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client, smuggled.as_bytes()).await;
        assert_eq!(gateway.get("/v1/x", &gateway.jane()).await.body, "ok");
    }
    let seen = upstream.seen();
    for (at, (connection, target)) in seen.iter().enumerate() {
        let after = seen[at + 1..].iter().filter(|(other, _)| other == connection);
        let mut after = after.map(|(_, target)| target).filter(|target| *target != "/smuggled");
        assert!(!target.starts_with("/v1/early") || after.next().is_none(), "{seen:?}");
    }
}

#[tokio::test]
async fn a_post_is_sent_anew_when_its_connection_was_closed_before_it() {
    let (gateway, upstream) = gateway(|target| {
        let closing = vec![Step::send(OK), Step::Wait(Duration::from_millis(10)), Step::Close];
        (target == "/v1/closing").then_some(closing)
    })
    .await;
    let jane = gateway.jane();
    let mut client = Http1::connect(gateway.address()).await;
    for round in 1..=10 {
        assert_eq!(client.send(&Call::get("/v1/closing").bearer(&jane)).await.code(), 200);
        upstream.done(round * 2 - 1).await;
        assert_eq!(client.send(&Call::post("/v1/x", "order").bearer(&jane)).await.body, "ok");
    }
    assert_eq!(upstream.seen().iter().filter(|(_, target)| target == "/v1/x").count(), 10);
    // What the upstream is told of the caller goes along each time, and once.
    assert!(upstream.heads().iter().all(|head| head.matches("\r\nx-auth-request-user: ").count() == 1));
}

#[tokio::test]
async fn a_get_whose_kept_connection_closes_without_an_answer_is_sent_once_more_as_it_was() {
    let asked = AtomicUsize::new(0);
    let (gateway, upstream) = gateway(move |target| {
        let closes = target == "/v1/gone?a=%20b" && asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        (closes || target == "/v1/post").then_some(vec![Step::Close])
    })
    .await;
    let jane = gateway.jane();
    let mut client = Http1::connect(gateway.address()).await;
    for _ in 0..3 {
        assert_eq!(client.send(&Call::get("/v1/x").bearer(&jane)).await.body, "ok");
        let call = Call::get("/v1/gone?a=%20b").bearer(&jane).header("x-one", "a\tb").header("x-one", "");
        assert_eq!(client.send(&call).await.body, "ok");
    }
    assert_eq!(client.send(&Call::get("/v1/x").bearer(&jane)).await.body, "ok");
    is_refused(&client.send(&Call::post("/v1/post", "order").bearer(&jane)).await);
    let heads = upstream.heads();
    let of = |target: &str| heads.iter().filter(|head| head.contains(target)).collect::<Vec<_>>();
    assert_eq!((of("/v1/gone").len(), of("/v1/post").len()), (6, 1), "{heads:?}");
    for pair in of("/v1/gone").chunks(2) {
        assert_eq!(pair[0], pair[1]);
        assert!(pair[0].contains("\r\nx-one: a\tb\r\nx-one: \r\n"), "{pair:?}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_same_caller_and_for_others_after_a_rest() {
    let (gateway, upstream) = gateway(|_| None).await;
    let mut client = Http1::connect(gateway.address()).await;
    let call = Call::get("/v1/x").bearer(&gateway.jane());
    for _ in 0..5 {
        assert_eq!(client.send(&call).await.code(), 200);
    }
    let connections = |from: usize| upstream.seen()[from..].iter().map(|(connection, _)| *connection).max();
    assert_eq!(connections(0), Some(0));
    until("the connection to be taken by another", async || {
        tokio::time::sleep(Duration::from_millis(10)).await;
        gateway.get("/healthz", "").await.code() == 200 && upstream.seen().last().unwrap().0 == 0
    })
    .await;
}

#[tokio::test]
async fn a_kept_connection_is_let_go_in_time_though_no_request_comes() {
    let upstream = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let world = World::new().await.with("KEPT", &format!("http://{}", upstream.local_addr().unwrap()));
    let kept = CONFIG.replace("[\"${UPSTREAM}\"] }", "[\"${KEPT}\"], keep_alive: 1s }");
    let gateway = world.gateway(&kept).await;
    let closed = tokio::spawn(async move {
        let (mut stream, _) = upstream.accept().await.unwrap();
        let mut bytes = [0; 16 << 10];
        assert!(stream.read(&mut bytes).await.unwrap() > 0);
        stream.write_all(OK.as_bytes()).await.unwrap();
        let answered = Instant::now();
        let read = stream.read(&mut bytes).await.unwrap();
        (read, answered.elapsed())
    });
    assert_eq!(gateway.get("/v1/x", &gateway.jane()).await.body, "ok");
    let (read, kept) = within("the connection's end", closed).await.unwrap();
    assert_eq!(read, 0);
    assert!(kept >= Duration::from_millis(500), "it was not kept: {kept:?}");
}

#[tokio::test]
async fn an_upstream_that_closes_every_connection_is_502_at_once() {
    let upstream = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", upstream.local_addr().unwrap());
    let closing = tokio::spawn(async move {
        let mut accepted = 0;
        while upstream.accept().await.is_ok() {
            accepted += 1;
            assert!(accepted < 20, "it is connected to for ever");
        }
    });
    let world = World::new().await.with("CLOSING", &url);
    let gateway = world.gateway(&CONFIG.replace("${UPSTREAM}", "${CLOSING}")).await;
    is_refused(&gateway.get("/v1/x", &gateway.jane()).await);
    is_refused(&gateway.send(&Call::post("/v1/x", "order").bearer(&gateway.jane())).await);
    closing.abort();
}
