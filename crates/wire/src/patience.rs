//! How long a client may take nothing of its answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Fails writes that make no progress for too long: hyper waits for ever for a client that doesn't read.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    /// Passes a write's result on, or fails it when it has been pending for too long.
    pub(super) fn watch(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        let deadline = Instant::now() + self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWrite;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::{ClientStream, Socket, StreamLimits, Version};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_may_wait_but_not_for_ever() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(5));
        let result = std::future::poll_fn(|cx| patience.watch(Poll::Pending, cx)).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 5);
        let written = std::future::poll_fn(|cx| patience.watch(Poll::Ready(Ok(1)), cx)).await;
        assert_eq!(written.unwrap(), 1);
    }
    #[tokio::test]
    async fn interim_answers_that_are_not_taken_are_not_waited_for_either() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        // It reads nothing.
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let limits = StreamLimits {
            max_head: 8192,
            max_headers: 100,
            patience: Duration::from_millis(300),
            idle: Duration::from_secs(60),
        };
        let socket = listener.accept().await.unwrap().0;
        let mut stream = ClientStream::new(Socket::Plain(socket), Version::Http1, limits);
        let handle = stream.handle();
        handle.open();
        let head = format!("HTTP/1.1 103 Early Hints\r\nlink: {:x<8000}\r\n\r\n", "");
        let flushed = std::future::poll_fn(|cx| {
            // More than the sockets hold, so that one is half written in the end.
            while handle.send(head.as_bytes()) {
                match Pin::new(&mut stream).poll_flush(cx) {
                    Poll::Ready(Ok(())) => {}
                    ended => return ended,
                }
            }
            Poll::Pending
        });
        let flushed = tokio::time::timeout(Duration::from_secs(10), flushed).await.unwrap();
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        handle.close();
        let written = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"HTTP/1.1 200 OK\r\n"));
        let written = tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
