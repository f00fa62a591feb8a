//! The hand-over of an accepted connection to the code that serves it.

use std::io;
use std::os::unix::net;

use tokio::net::{TcpStream, UnixStream};

use super::workers::Place;

/// A connection that was accepted.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same, which no runtime knows.
pub(super) enum StdStream {
    Tcp(std::net::TcpStream),
    Unix(net::UnixStream),
}

/// A stream that was accepted, and is served by this runtime or by another.
pub(super) enum Accepted {
    Here(Stream),
    Elsewhere(io::Result<StdStream>),
}

impl Stream {
    fn into_std(self) -> io::Result<StdStream> {
        Ok(match self {
            Self::Tcp(stream) => StdStream::Tcp(stream.into_std()?),
            Self::Unix(stream) => StdStream::Unix(stream.into_std()?),
        })
    }
}

impl StdStream {
    /// Has the stream wait for nothing, which a runtime needs.
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(true),
            Self::Unix(stream) => stream.set_nonblocking(true),
        }
    }

    /// The stream, for the runtime that this is called in.
    pub(super) fn into_tokio(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Accepted {
    pub(super) fn new(stream: Stream, place: &Place) -> Self {
        if place.is_here() { Self::Here(stream) } else { Self::Elsewhere(stream.into_std()) }
    }

    /// The stream, for the runtime that this is called in.
    pub(super) fn take_over(self) -> io::Result<Stream> {
        match self {
            Self::Here(stream) => Ok(stream),
            Self::Elsewhere(stream) => stream?.into_tokio(),
        }
    }
}
