//! The stream of a connection to an HTTP/1.1 upstream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::{ResponseGuard, UNSOLICITED, Verdict};
use super::request_slot::RequestSlot;
use crate::io::{EagerStream, Socket};

/// A connection to an HTTP/1.1 upstream as hyper's client sees it: one response to each request, and nothing else.
#[derive(Debug)]
pub struct UpstreamStream {
    inner: Socket<EagerStream>,
    guard: ResponseGuard,
    /// Bytes that hyper reads in place of those that came.
    instead: Bytes,
    /// Whether a part of a request's head waits to be written, and whether any other part does.
    head_pending: bool,
    body_pending: bool,
    slot: RequestSlot,
}

impl UpstreamStream {
    /// A connection without a request yet.
    #[must_use]
    pub fn new(inner: Socket<EagerStream>) -> Self {
        let (guard, slot) = (ResponseGuard::new(), RequestSlot::default());
        Self { inner, guard, instead: Bytes::new(), head_pending: false, body_pending: false, slot }
    }

    /// The slot for the code that sends requests.
    pub fn slot(&self) -> RequestSlot {
        self.slot.clone()
    }

    /// Fails once the guard is broken.
    fn check(&self) -> io::Result<()> {
        let Some(fault) = self.guard.fault() else { return Ok(()) };
        Err(io::Error::new(io::ErrorKind::InvalidData, fault))
    }

    /// Reads what came. Before the request of another caller is written, the socket itself is asked: something may have come
    /// that the runtime hasn't noticed yet, and would be read as the response.
    fn poll_read_raw(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let eager = self.guard.is_idle() && self.slot.asks_first();
        self.inner.set_eager(eager);
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }

    /// Notes in the slot what became of the connection.
    fn report_state(&self) {
        match self.guard.fault() {
            Some(UNSOLICITED) => self.slot.note_unsolicited(),
            Some(_) => self.slot.mark_broken(),
            // The rest of this request would become the beginning of the next one.
            None if self.guard.is_idle() && (self.head_pending || self.body_pending) => self.slot.mark_broken(),
            None => {}
        }
    }

    /// Begins a request, if one is announced. Returns the length of its head in `first`; the slot writes that head.
    fn begin(&mut self, first: &[u8]) -> io::Result<usize> {
        self.check()?;
        if !self.guard.is_idle() || !self.slot.is_announced() {
            return Ok(0);
        }
        let (expected, length) = self.slot.begin(first)?;
        self.guard.expect(expected);
        self.head_pending = true;
        Ok(length)
    }

    /// Writes what is left of a head, and as much of `behind` as goes along. Returns how much of `behind` that was.
    fn poll_head(&mut self, cx: &mut Context<'_>, behind: [&[io::IoSlice<'_>]; 2]) -> Poll<io::Result<usize>> {
        let Self { inner, slot, .. } = self;
        let written = slot.poll_head(behind, |buffers| Pin::new(inner).poll_write_vectored(cx, buffers));
        let (count, whole) = ready!(written)?;
        self.head_pending = !whole;
        Poll::Ready(Ok(count))
    }

    /// Writes what is left of a head.
    fn poll_rest_of_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.head_pending {
            ready!(self.poll_head(cx, [&[], &[]]))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for UpstreamStream {
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
            let verdict = self.guard.check(&buf.filled()[before..]);
            self.report_state();
            let interim = self.guard.take_interim();
            for head in &interim {
                self.slot.pass_interim(head);
            }
            if let Some(lines) = self.guard.take_unread() {
                self.slot.note_unread(&lines);
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
                // The client's connection writes them before it gets what came with them.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for UpstreamStream {
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
            // The head counts as written: the slot has it, and later calls write the rest.
            let behind = self.poll_head(cx, [&[io::IoSlice::new(&first[head..])], others])?;
            return Poll::Ready(Ok(head + if let Poll::Ready(behind) = behind { behind } else { 0 }));
        }
        ready!(self.poll_rest_of_head(cx))?;
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.body_pending = written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest_of_head(cx))?;
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

    use super::*;
    use crate::body::Body;
    use crate::fields::RawFields;
    use crate::upstream::request_slot::Manner;

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    async fn connection() -> (UpstreamStream, std::net::TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (UpstreamStream::new(Socket::Plain(EagerStream::new(stream))), listener.accept().unwrap().0)
    }

    #[tokio::test]
    async fn a_head_and_its_raw_fields_come_whole_and_in_order_to_an_upstream_that_reads_slowly() {
        let (mut stream, mut upstream) = connection().await;
        let Socket::Plain(eager) = &stream.inner else { panic!() };
        eager.socket().set_send_buffer_size(4096).unwrap();
        let mut raw = RawFields::default();
        for at in 0..4000 {
            raw.push(&http::header::VIA, &http::HeaderValue::from(at));
        }
        let (head, body) = (&b"POST / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"\r\n\r\nbody".repeat(100_000));
        stream.slot().announce(&Request::new(Body::full("body")), &raw, None, Manner::default());
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
        let expected = [&head[..head.len() - 2], raw.as_bytes(), b"\r\n", &body].concat();
        assert!(reader.join().unwrap() == expected);
    }

    #[tokio::test]
    async fn what_comes_before_a_request_of_another_caller_is_written_breaks_the_connection() {
        for same_caller in [false, true] {
            let (mut stream, mut upstream) = connection().await;
            let slot = stream.slot();
            let announce = |manner| slot.announce(&Request::new(Body::empty()), &RawFields::default(), None, manner);
            announce(Manner::default());
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            upstream.write_all(OK).unwrap();
            let mut response = [0; OK.len()];
            stream.read_exact(&mut response).await.unwrap();
            assert_eq!((&response[..], slot.is_broken()), (OK, false));
            // The runtime has no time to notice these bytes before the next request is announced.
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [0; 64])).is_pending());
            upstream.write_all(OK).unwrap();
            announce(Manner { same_caller, ..Manner::default() });
            let read = Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [0; 64]));
            if same_caller {
                // Nobody asked, so that a request costs one call of the kernel less. Once it is noticed, it counts.
                assert!(read.is_pending() && !slot.is_broken());
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            let read = Pin::new(&mut stream).poll_read(&mut context, &mut ReadBuf::new(&mut [0; 64]));
            assert!(matches!(read, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidData));
            assert!(slot.is_broken() && slot.received_unsolicited());
            assert!(matches!(Pin::new(&mut stream).poll_write(&mut context, b"GET"), Poll::Ready(Err(_))));
        }
    }
}
