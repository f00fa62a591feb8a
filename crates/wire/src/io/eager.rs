//! A socket that is read before the runtime knows that it is readable.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream that, while it is eager, is read whether or not the runtime knows that there is something to read: the
/// runtime asks the kernel only now and then.
#[derive(Debug)]
pub struct EagerStream {
    stream: TcpStream,
    eager: bool,
}

impl EagerStream {
    /// A stream that isn't eager yet.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, eager: false }
    }

    /// The socket itself.
    #[cfg(test)]
    pub(crate) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.stream)
    }

    pub(crate) fn set_eager(&mut self, eager: bool) {
        self.eager = eager;
    }
}

impl AsyncRead for EagerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.eager {
            // Nearly always there is nothing.
            let mut some = [0; 256];
            let room = some.len().min(buf.remaining());
            match (&*SockRef::from(&self.stream)).read(&mut some[..room]) {
                Ok(read) => {
                    buf.put_slice(&some[..read]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for EagerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_has_come_is_seen_before_the_runtime_knows() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let mut socket = EagerStream::new(stream);
        let mut read = |eager| {
            socket.set_eager(eager);
            let mut bytes = [0; 8];
            let mut buf = ReadBuf::new(&mut bytes);
            let polled = Pin::new(&mut socket).poll_read(&mut Context::from_waker(std::task::Waker::noop()), &mut buf);
            polled.map(|read| read.map(|()| buf.filled().to_vec()).unwrap())
        };
        assert_eq!(read(false), Poll::Pending);
        assert_eq!(read(true), Poll::Pending);
        other.write_all(b"news").unwrap();
        assert_eq!(read(false), Poll::Pending, "the runtime had no time to ask");
        assert_eq!(read(true), Poll::Ready(b"news".to_vec()));
    }
}
