//! A client's connection: what it speaks, and interim responses on it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::guard::{Guard, Refused, Verdict};

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long, and for how many bytes, a connection lingers.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 << 20;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// A connection whose first bytes were read to learn what it speaks, and are read again by whoever serves it.
#[derive(Debug)]
pub(crate) struct ClientStream {
    inner: TcpStream,
    first: [u8; PREFACE.len()],
    filled: usize,
    replayed: usize,
    guard: Option<Guard>,
    /// What passes in place of what came, and isn't read yet.
    instead: Bytes,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    handle: Handle,
}

impl ClientStream {
    /// Reads until it is clear what the client speaks. The caller sets the deadline.
    ///
    /// HTTP/1.1 is guarded from then on, with heads of at most `max_head` bytes.
    pub(crate) async fn sniff(mut inner: TcpStream, max_head: usize) -> io::Result<(Self, Version)> {
        let mut first = [0; PREFACE.len()];
        let mut filled = 0;
        let version = loop {
            let read = inner.read(&mut first[filled..]).await?;
            filled += read;
            if first[..filled] != PREFACE[..filled] {
                break Version::Http1;
            }
            if filled == PREFACE.len() {
                break Version::Http2;
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let guard = (version == Version::Http1).then(|| Guard::new(max_head));
        Ok((
            Self {
                inner,
                first,
                filled,
                replayed: 0,
                guard,
                instead: Bytes::new(),
                lingering: None,
                handle: Handle::default(),
            },
            version,
        ))
    }

    /// The handle by which services reach this connection.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Reads what the client sent, the first bytes again.
    fn poll_read_raw(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (from, to) = (self.replayed, self.filled);
        if from < to {
            let part = (to - from).min(buf.remaining());
            buf.put_slice(&self.first[from..from + part]);
            self.replayed += part;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }

    /// Reads and drops what comes, until the client closes, or the time or the amount is used up.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (sleep, left) = self.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        let mut scratch = [0; 8192];
        while *left > 0 && sleep.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => *left = left.saturating_sub(buf.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is queued.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = self.handle.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waker = Some(cx.waker().clone());
        while queue.written < queue.bytes.len() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &queue.bytes[queue.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            queue.written += written;
        }
        queue.bytes.clear();
        queue.written = 0;
        Poll::Ready(Ok(()))
    }
}

/// What services may do to the connection that a request came by.
///
/// They send interim responses (1xx): hyper's server has no call for them. It asks the stream to flush whenever it has
/// nothing left to write of earlier responses, and that is where they go out; what didn't get out before the final
/// response is dropped. And they ask it to linger when it closes with a part of a request unread: closed at once, the
/// kernel would answer what still comes with a reset, and the client might never read why it was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    written: usize,
    waker: Option<Waker>,
    linger: bool,
    tunnel: bool,
    refused: Option<Refused>,
}

impl Handle {
    /// Queues a response's head, and wakes the connection.
    pub(crate) fn send(&self, head: &[u8]) {
        let waker = {
            let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.bytes.extend_from_slice(head);
            queue.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Reads on for a while after the last response, before the connection is closed.
    pub(crate) fn linger(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).linger = true;
    }

    /// Lets bytes pass unjudged from now on: the client and the upstream agreed on another protocol.
    pub(crate) fn tunnel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tunnel = true;
    }

    /// Why the request at hand was not let through, if it stands for one that was not.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused
    }

    /// Drops what hasn't begun to go out, since the final response comes now.
    pub(crate) fn close(&self) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.written == 0 {
            queue.bytes.clear();
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.instead.is_empty() {
                let part = self.instead.len().min(buf.remaining());
                buf.put_slice(&self.instead.split_to(part));
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(self.poll_read_raw(cx, buf))?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            if self.guard.is_some() && self.handle.is_tunnel() {
                self.guard = None;
            }
            let Some(guard) = &mut self.guard else { return Poll::Ready(Ok(())) };
            match guard.judge(&buf.filled()[before..]) {
                Verdict::Pass => return Poll::Ready(Ok(())),
                Verdict::Instead(bytes) => self.instead = bytes.into(),
                Verdict::Refuse(bytes, refused) => {
                    self.instead = bytes.into();
                    self.handle.refuse(refused);
                }
            }
            buf.set_filled(before);
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.handle.is_underway() {
            ready!(self.poll_interim(cx))?;
        }
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.handle.is_underway() {
            ready!(self.poll_interim(cx))?;
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_interim(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            if !self.handle.lingers() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_linger(cx)
    }
}

impl Handle {
    fn is_tunnel(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tunnel
    }

    fn refuse(&self, refused: Refused) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.refused, state.linger) = (Some(refused), true);
    }

    fn lingers(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).linger
    }

    /// Whether a response is half written: nothing else may come in between.
    fn is_underway(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).written > 0
    }
}
