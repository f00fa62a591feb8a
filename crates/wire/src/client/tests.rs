use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};

use super::{ClientStream, StreamLimits, Version};
use crate::io::Socket;

#[tokio::test]
async fn interim_responses_that_a_client_does_not_take_time_out_as_well() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    // It reads nothing.
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let limits = StreamLimits {
        max_head: 8192,
        max_fields: 100,
        write_timeout: Duration::from_millis(300),
        idle: Duration::from_secs(60),
        half_closed: Duration::from_secs(1),
    };
    let socket = listener.accept().await.unwrap().0;
    let mut stream = ClientStream::new(Socket::Plain(socket), Version::Http1, limits);
    let handle = stream.handle();
    handle.open_interim();
    let head = format!("HTTP/1.1 103 Early Hints\r\nlink: {:x<8000}\r\n\r\n", "");
    let flushed = std::future::poll_fn(|cx| {
        // More than the sockets hold, so that one is half written in the end.
        while handle.send_interim(head.as_bytes()) {
            match Pin::new(&mut stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => {}
                ended => return ended,
            }
        }
        Poll::Pending
    });
    let flushed = tokio::time::timeout(Duration::from_secs(10), flushed).await.unwrap();
    assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    handle.close_interim();
    let written = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"HTTP/1.1 200 OK\r\n"));
    let written = tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
}
