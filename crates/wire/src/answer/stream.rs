//! The stream of a connection to an upstream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::eager::Eager;
use super::super::socket::Socket;
use super::guard::{AnswerGuard, UNASKED, Verdict};
use super::turn::Turn;

/// A connection to an HTTP/1.1 upstream. Of what comes by it, only answers pass, one to each request.
#[derive(Debug)]
pub struct AnswerStream {
    inner: Socket<Eager>,
    guard: AnswerGuard,
    /// What passes in place of what came, and isn't read yet.
    instead: Bytes,
    /// Whether a part of a request's head waits to be written here, and whether any other part does.
    heading: bool,
    writing: bool,
    turn: Turn,
}

impl AnswerStream {
    /// A connection on which nothing was asked yet.
    #[must_use]
    pub fn new(inner: Socket<Eager>) -> Self {
        let (guard, turn) = (AnswerGuard::new(), Turn::default());
        Self { inner, guard, instead: Bytes::new(), heading: false, writing: false, turn }
    }

    /// What the one who sends requests needs.
    pub fn turn(&self) -> Turn {
        self.turn.clone()
    }

    /// Fails if nothing may pass any more.
    fn check(&self) -> io::Result<()> {
        let Some(fault) = self.guard.fault() else { return Ok(()) };
        Err(io::Error::new(io::ErrorKind::InvalidData, fault))
    }

    /// Reads what came. Before a request is written the socket itself is asked, since something may have come that the
    /// runtime hasn't noticed yet, and would be read as the answer.
    fn poll_read_raw(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let eager = self.guard.is_idle() && self.turn.is_asked();
        self.inner.set_eager(eager);
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }

    /// Tells the sender what became of the connection.
    fn tell(&self) {
        match self.guard.fault() {
            Some(UNASKED) => self.turn.hear_unasked(),
            Some(_) => self.turn.spoil(),
            // What is left of the request would stand before the next one's beginning.
            None if self.guard.is_idle() && (self.heading || self.writing) => self.turn.spoil(),
            None => {}
        }
    }

    /// Notes that a request begins with `first`, if it does, and how much of that is its head, which is written from here.
    fn begin(&mut self, first: &[u8]) -> io::Result<usize> {
        self.check()?;
        if !self.guard.is_idle() || !self.turn.is_asked() {
            return Ok(0);
        }
        let (asked, length) = self.turn.begin(first)?;
        self.guard.expect(asked);
        self.heading = true;
        Ok(length)
    }

    /// Writes what is left of a head, and as much of what is behind it as goes along; how much that was.
    fn poll_head(&mut self, cx: &mut Context<'_>, behind: [&[io::IoSlice<'_>]; 2]) -> Poll<io::Result<usize>> {
        let Self { inner, turn, .. } = self;
        let written = turn.poll_head(behind, |buffers| Pin::new(inner).poll_write_vectored(cx, buffers));
        let (count, whole) = ready!(written)?;
        self.heading = !whole;
        Poll::Ready(Ok(count))
    }

    /// Writes what is left of a head.
    fn poll_headed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.heading {
            ready!(self.poll_head(cx, [&[], &[]]))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for AnswerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.instead.is_empty() {
                let part = self.instead.len().min(buf.remaining());
                buf.put_slice(&self.instead.split_to(part));
                return Poll::Ready(Ok(()));
            }
            self.check()?;
            let before = buf.filled().len();
            ready!(self.poll_read_raw(cx, buf))?;
            if buf.filled().len() == before {
                let cut = self.guard.is_amid_head();
                return Poll::Ready(if cut { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) });
            }
            let verdict = self.guard.judge(&buf.filled()[before..]);
            self.tell();
            let interim = self.guard.take_interim();
            for head in &interim {
                self.turn.pass_interim(head);
            }
            match verdict {
                Verdict::Pass(passing) if interim.is_empty() => buf.set_filled(before + passing),
                Verdict::Pass(passing) => {
                    self.instead = Bytes::copy_from_slice(&buf.filled()[before..before + passing]);
                    buf.set_filled(before);
                }
                Verdict::Instead(bytes) => {
                    self.instead = bytes.into();
                    buf.set_filled(before);
                }
            }
            if !interim.is_empty() {
                // The client's connection is to write them before it hears of what came with them.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for AnswerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let [first, others @ ..] = bufs else { return Poll::Ready(Ok(0)) };
        let head = self.begin(first)?;
        if head > 0 {
            // What was taken is written sooner or later.
            let behind = self.poll_head(cx, [&[io::IoSlice::new(&first[head..])], others])?;
            return Poll::Ready(Ok(head + if let Poll::Ready(behind) = behind { behind } else { 0 }));
        }
        ready!(self.poll_headed(cx))?;
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.writing = written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_headed(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::super::body::Body;
    use super::super::super::lines::Lines;
    use super::*;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    async fn connection() -> (AnswerStream, std::net::TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (AnswerStream::new(Socket::Plain(Eager::new(stream))), listener.accept().unwrap().0)
    }

    #[tokio::test]
    async fn a_head_and_its_lines_come_whole_and_in_order_to_an_upstream_that_reads_slowly() {
        let (mut stream, mut upstream) = connection().await;
        let Socket::Plain(eager) = &stream.inner else { panic!() };
        eager.socket().set_send_buffer_size(4096).unwrap();
        let mut lines = Lines::default();
        for at in 0..4000 {
            lines.push(&http::header::VIA, &http::HeaderValue::from(at));
        }
        let (head, body) = (&b"POST / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"\r\n\r\nbody".repeat(100_000));
        stream.turn().ask(&Request::new(Body::full("body")), &lines, None, false);
        let reader = std::thread::spawn(move || {
            let (mut read, mut part) = (Vec::new(), [0; 3000]);
            while let Ok(count @ 1..) = upstream.read(&mut part) {
                read.extend_from_slice(&part[..count]);
            }
            read
        });
        stream.write_all(&[head, &body].concat()).await.unwrap();
        stream.flush().await.unwrap();
        drop(stream);
        let expected = [&head[..head.len() - 2], lines.as_bytes(), b"\r\n", &body].concat();
        assert!(reader.join().unwrap() == expected);
    }

    #[tokio::test]
    async fn what_came_before_a_request_is_written_spoils_the_connection() {
        let (mut stream, mut upstream) = connection().await;
        let turn = stream.turn();
        turn.ask(&Request::new(Body::empty()), &Lines::default(), None, false);
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        upstream.write_all(OK).unwrap();
        let mut answer = [0; OK.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!((&answer[..], turn.is_spoilt()), (OK, false));
        // The runtime doesn't get to learn of these bytes before the next request is asked for.
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [0; 64])).is_pending());
        upstream.write_all(OK).unwrap();
        turn.ask(&Request::new(Body::empty()), &Lines::default(), None, false);
        let read = Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [0; 64]));
        assert!(matches!(read, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidData));
        assert!(turn.is_spoilt() && turn.heard_unasked());
        assert!(matches!(Pin::new(&mut stream).poll_write(&mut context, b"GET"), Poll::Ready(Err(_))));
    }
}
