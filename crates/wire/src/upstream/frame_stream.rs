//! The stream of a connection to an HTTP/2 upstream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http2::TrailerGuard;
use crate::io::{EagerStream, Socket};

/// A connection to an HTTP/2 upstream as hyper's client sees it: h2 refuses what it would drop in trailer sections.
#[derive(Debug)]
pub struct FrameStream {
    inner: Socket<EagerStream>,
    guard: TrailerGuard,
    /// Bytes that hyper reads in place of those that came.
    instead: Bytes,
}

impl FrameStream {
    /// A connection without a request yet.
    #[must_use]
    pub fn new(inner: Socket<EagerStream>) -> Self {
        Self { inner, guard: TrailerGuard::of_responses(), instead: Bytes::new() }
    }
}

impl AsyncRead for FrameStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.instead.is_empty() {
                let part = self.instead.len().min(buf.remaining());
                buf.put_slice(&self.instead.split_to(part));
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            match self.guard.check(&buf.filled()[before..]) {
                None => return Poll::Ready(Ok(())),
                Some(bytes) => self.instead = bytes.into(),
            }
            buf.set_filled(before);
        }
    }
}

impl AsyncWrite for FrameStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
