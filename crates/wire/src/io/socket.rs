//! A connection: over TCP, with or without TLS, or by a Unix socket.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

use super::eager::EagerStream;

/// How long a peer may be silent before the system probes it. As a rule, that is longer than idle connections are kept.
/// An open WebSocket would otherwise outlive a client that vanished.
pub const KEEPALIVE: Duration = Duration::from_secs(120);
/// The time between two probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The most bytes that are joined for one write: the head of a response and a short body.
const JOINED: usize = 4096;

thread_local! {
    /// Where a thread joins buffers.
    static JOINT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Sets up a client's socket: writes go out at once, and a client that vanished is noticed.
pub fn set_options(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL);
    // If the socket is closed already, its first read fails.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// A connection.
#[derive(Debug)]
pub enum Socket<S = TcpStream> {
    /// Over TCP, without TLS.
    Plain(S),
    /// Over TCP, with TLS.
    Tls(Box<TlsStream<S>>),
    /// By a Unix socket, with another process of this machine.
    Unix(UnixStream),
}

impl Socket {
    /// Ready once there is something to read, for one whose last read found nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = match self {
            Self::Plain(stream) => stream.poll_read_ready(cx),
            Self::Tls(stream) => stream.get_ref().0.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        };
        ready.map(drop)
    }

    /// The error that occurred on the connection since the last call, such as a reset.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Self::Plain(stream) => stream.take_error(),
            Self::Tls(stream) => stream.get_ref().0.take_error(),
            Self::Unix(stream) => stream.take_error(),
        }
    }
}

impl Socket<EagerStream> {
    /// Sets whether the socket is read even if the runtime knows of nothing to read.
    pub(crate) fn set_eager(&mut self, eager: bool) {
        match self {
            Self::Plain(stream) => stream.set_eager(eager),
            Self::Tls(stream) => stream.get_mut().0.set_eager(eager),
            Self::Unix(_) => {}
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => with_joined(bufs, |joined| match joined {
                Some(bytes) => Pin::new(stream).poll_write(cx, bytes),
                None => Pin::new(stream).poll_write_vectored(cx, bufs),
            }),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => with_joined(bufs, |joined| match joined {
                Some(bytes) => Pin::new(stream).poll_write(cx, bytes),
                None => Pin::new(stream).poll_write_vectored(cx, bufs),
            }),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Joins short buffers, since one buffer costs the kernel less than several do, and more than the copy. Long ones stay
/// where they are.
fn with_joined<T>(bufs: &[io::IoSlice<'_>], write: impl FnOnce(Option<&[u8]>) -> T) -> T {
    match bufs {
        [only] => write(Some(only)),
        _ if bufs.iter().map(|buf| buf.len()).sum::<usize>() > JOINED => write(None),
        _ => JOINT.with_borrow_mut(|joint| {
            joint.clear();
            for buf in bufs {
                joint.extend_from_slice(buf);
            }
            write(Some(joint))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_is_gone_without_a_word_is_found_out() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        set_options(&stream);
        assert!(stream.nodelay().unwrap() && SockRef::from(&stream).keepalive().unwrap());
    }
}
