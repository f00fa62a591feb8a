//! Sockets that connections are accepted from.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net;
use std::path::Path;

use tokio::net::{TcpListener, UnixListener};

use super::Address;
use super::accepted::{StdStream, Stream};
use super::socket_file::{SocketFile, SocketFileError};

/// A socket that connections are accepted from.
#[derive(Debug)]
pub(crate) enum Listening {
    /// By an address.
    Tcp(TcpListener),
    /// By a file, which ends with this.
    Unix(UnixListener, SocketFile),
}

/// What waited to be accepted when a socket closed.
pub(super) enum Queue {
    Tcp(std::net::TcpListener),
    Unix(net::UnixListener),
}

/// What stands for the address of a process of this machine.
const THIS_MACHINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Listening {
    /// Listens on a file.
    ///
    /// # Errors
    ///
    /// If something else is there, or the system doesn't allow it.
    pub(crate) async fn on_file(path: &Path) -> Result<Self, SocketFileError> {
        let (listener, file) = SocketFile::listen(path).await?;
        Ok(Self::Unix(listener, file))
    }

    /// Where it is.
    ///
    /// # Errors
    ///
    /// If the system doesn't know.
    pub(crate) fn address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(listener) => Address::Socket(listener.local_addr()?),
            Self::Unix(_, file) => Address::Unix(file.path().to_owned()),
        })
    }

    /// The next connection, and where it comes from.
    pub(super) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                (Stream::Tcp(stream), address)
            }
            Self::Unix(listener, _) => (Stream::Unix(listener.accept().await?.0), THIS_MACHINE),
        })
    }

    /// Closes it, but for what waits already. A file is removed, so that nobody finds it any more.
    pub(super) fn into_queue(self) -> io::Result<Queue> {
        Ok(match self {
            Self::Tcp(listener) => Queue::Tcp(listener.into_std()?),
            Self::Unix(listener, _file) => Queue::Unix(listener.into_std()?),
        })
    }
}

impl Queue {
    /// The next connection, if there is one.
    pub(super) fn accept(&self) -> io::Result<(StdStream, SocketAddr)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                (StdStream::Tcp(stream), address)
            }
            Self::Unix(listener) => (StdStream::Unix(listener.accept()?.0), THIS_MACHINE),
        })
    }
}
