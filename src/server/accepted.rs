//! The hand-over of an accepted connection to the code that serves it.

use std::io;

use tokio::net::TcpStream;

use super::workers::Place;

/// A stream that was accepted, and is served by this runtime or by another.
pub(super) enum Accepted {
    Here(TcpStream),
    Elsewhere(io::Result<std::net::TcpStream>),
}

impl Accepted {
    pub(super) fn new(stream: TcpStream, place: &Place) -> Self {
        if place.is_here() { Self::Here(stream) } else { Self::Elsewhere(stream.into_std()) }
    }

    /// The stream, for the runtime that this is called in.
    pub(super) fn take_over(self) -> io::Result<TcpStream> {
        match self {
            Self::Here(stream) => Ok(stream),
            Self::Elsewhere(stream) => TcpStream::from_std(stream?),
        }
    }
}
