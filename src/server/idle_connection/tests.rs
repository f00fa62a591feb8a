//! How a connection rests, and ends.

use std::convert::Infallible;
use std::future::poll_fn;

use http::{Request, Response};
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::*;
use mfa_gateway_wire::{Busy, Socket, StreamLimits, Version};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// More than sockets hold.
const LARGE: usize = 32 << 20;
/// Time enough to rest.
const WHILE: Duration = Duration::from_millis(900);

/// A request's body that is held back, as by an upstream that is slow to take it.
type Kept = Arc<std::sync::Mutex<(Option<Request<Incoming>>, Option<Busy>)>>;

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// `/large` has a response that a client must read for it to end, `/never` has none, `/keep` leaves its body, `/away`
/// holds the connection back.
async fn connection()
-> (IdleConnection<impl HttpService<Incoming, ResBody = Body, Error = Infallible>>, TcpStream, Kept) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let limits = StreamLimits {
        max_head: 8192,
        max_fields: 100,
        write_timeout: Duration::from_secs(60),
        idle: Duration::from_secs(5),
        half_closed: Duration::from_secs(1),
    };
    let stream = ClientStream::new(Socket::Plain(listener.accept().await.unwrap().0), Version::Http1, limits);
    let (requests, kept) = (Arc::new(AtomicU64::new(0)), Kept::default());
    let (handle, count, keep) = (stream.handle(), Arc::clone(&requests), Arc::clone(&kept));
    let service = service_fn(move |request: Request<Incoming>| -> Answer {
        count.fetch_add(1, Ordering::Relaxed);
        let busy = handle.begin();
        match request.uri().path() {
            "/large" => Box::pin(async { Ok(Response::new(Body::full(vec![b'x'; LARGE]))) }),
            "/never" => Box::pin(async move {
                let _busy = busy;
                std::future::pending().await
            }),
            "/away" => {
                (0..7).for_each(|_| handle.hold_back());
                Box::pin(async { Ok(Response::new(Body::full("ok"))) })
            }
            "/keep" => {
                *keep.lock().unwrap() = (Some(request), Some(busy));
                Box::pin(async { Ok(Response::new(Body::full("ok"))) })
            }
            _ => Box::pin(async { Ok(Response::new(Body::full("ok"))) }),
        }
    });
    (IdleConnection::new(Builder::new(), stream, service, requests), client, kept)
}

/// Serves for a while; whether the connection rests then. `None` if it ended.
async fn rests<S>(connection: &mut IdleConnection<S>) -> Option<bool>
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    let served = timeout(WHILE, poll_fn(|cx| Pin::new(&mut *connection).poll(cx))).await;
    served.is_err().then_some(matches!(connection.state, State::Idle(_)))
}

async fn read_answer(client: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        answer.push(client.read_u8().await.unwrap());
    }
}

#[tokio::test]
async fn one_on_which_nothing_happens_rests_until_something_does() {
    let (mut connection, mut client, _) = connection().await;
    assert_eq!(rests(&mut connection).await, Some(false), "nothing was asked yet");
    for _ in 0..2 {
        client.write_all(GET).await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(true));
        read_answer(&mut client).await;
        client.write_all(&GET[..10]).await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(false), "half a head has come");
        client.write_all(&GET[10..]).await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(true));
        read_answer(&mut client).await;
    }
    drop(client);
    assert_eq!(rests(&mut connection).await, None);
}

#[tokio::test]
async fn one_that_got_an_empty_line_behind_a_body_serves_on() {
    let (mut connection, mut client, _) = connection().await;
    for _ in 0..2 {
        let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\r\n";
        client.write_all(post).await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(true));
        read_answer(&mut client).await;
        client.write_all(b"\r\n").await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(true));
    }
}

#[tokio::test]
async fn one_with_an_answer_to_come_or_to_be_read_does_not_rest() {
    let (mut connection, mut client, _) = connection().await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(rests(&mut connection).await, Some(false));
    let read = async {
        let mut left = LARGE;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            left -= client.read(&mut buffer).await.unwrap().min(left);
        }
    };
    let serve = async { while rests(&mut connection).await == Some(false) {} };
    timeout(Duration::from_secs(20), futures_util::future::join(read, serve)).await.unwrap();
    client.write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(rests(&mut connection).await, Some(false));
    assert_eq!(rests(&mut connection).await, Some(false));
}

#[tokio::test]
async fn a_body_that_nobody_took_yet_never_becomes_the_next_request() {
    let (mut connection, mut client, kept) = connection().await;
    let hidden = GET.repeat(2);
    // hyper leaves a body alone that it was not asked for.
    let fields = format!("Host: a\r\nExpect: 100-continue\r\nContent-Length: {}", hidden.len());
    let head = format!("POST /keep HTTP/1.1\r\n{fields}\r\n\r\n");
    client.write_all(&[head.as_bytes(), &hidden].concat()).await.unwrap();
    assert_eq!(rests(&mut connection).await, Some(false));
    // From here on the response has ended, and the request hasn't.
    kept.lock().unwrap().1 = None;
    assert_eq!(rests(&mut connection).await, None);
    drop(connection);
    let mut answers = String::new();
    let _ = client.read_to_string(&mut answers).await;
    assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{answers}");
}

#[tokio::test]
async fn one_that_is_to_end_answers_what_was_sent_before_the_client_knew() {
    for first in [GET, b"GET /away HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let (mut connection, mut client, _) = connection().await;
        client.write_all(first).await.unwrap();
        let mut serving = poll_fn(|cx| Pin::new(&mut connection).poll(cx));
        timeout(Duration::from_millis(50), &mut serving).await.unwrap_err();
        read_answer(&mut client).await;
        connection.finish();
        client.write_all(GET).await.unwrap();
        let asked = Instant::now();
        timeout(PARTING * 2, poll_fn(|cx| Pin::new(&mut connection).poll(cx))).await.unwrap().unwrap();
        assert!(asked.elapsed() < PARTING * 2, "nothing else was asked");
        drop(connection);
        read_answer(&mut client).await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn one_that_rests_is_closed_when_it_is_idle_for_too_long_or_asked_to_finish() {
    for asked in [true, false] {
        let (mut connection, mut client, _) = connection().await;
        client.write_all(GET).await.unwrap();
        assert_eq!(rests(&mut connection).await, Some(true));
        if asked {
            connection.finish();
        } else {
            sleep(Duration::from_secs(5)).await;
        }
        let ended = timeout(PARTING * 2, poll_fn(|cx| Pin::new(&mut connection).poll(cx))).await;
        assert!(ended.is_ok());
        read_answer(&mut client).await;
        drop(connection);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
