//! HTTP/2 by hand: for frames that no client library would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a stream ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered with this status; 0 if it isn't one that HPACK has a number for.
    Status(u16),
    /// It was reset, with this code.
    Reset(u32),
    /// The connection was given up.
    Closed,
}

impl Outcome {
    /// Whether the request was refused as malformed, in one of the ways that RFC 9113 section 8.1.1 leaves.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Status(400) | Self::Reset(1) | Self::Closed)
    }
}

/// A connection on which frames are sent and read.
pub(crate) struct Frames {
    stream: TcpStream,
}

impl Frames {
    /// Connects, and sends the preface and these settings.
    pub(crate) async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut frames = Self { stream };
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        frames.send(SETTINGS, 0, 0, &payload).await;
        frames
    }

    /// Sends a frame. The gateway may have given the connection up already.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.send_part(&[&head, payload].concat()).await;
    }

    /// Sends any bytes.
    pub(crate) async fn send_part(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends a field section in one frame.
    pub(crate) async fn headers(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) {
        self.send(HEADERS, flags | END_HEADERS, stream, &block(fields)).await;
    }

    /// Opens a window; stream 0 is the connection.
    pub(crate) async fn open(&mut self, stream: u32, by: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &by.to_be_bytes()).await;
    }

    /// The next frame, pings and settings answered; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = within("a frame", self.read()).await?;
            match frame.kind {
                PING | SETTINGS if frame.flags & 1 == 0 => {
                    let payload = if frame.kind == PING { &frame.payload[..] } else { &[] };
                    self.send(frame.kind, 1, 0, payload).await;
                }
                PING | SETTINGS | WINDOW_UPDATE => {}
                _ => return Some(frame),
            }
        }
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        self.stream.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// How a stream ends up: by its first answer, or by what ends it.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some(frame) = self.next().await {
            match frame.kind {
                GOAWAY => return Outcome::Closed,
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Reset(u32::from_be_bytes(frame.payload.try_into().unwrap()));
                }
                HEADERS if frame.stream == stream => return Outcome::Status(status(&frame.payload)),
                _ => {}
            }
        }
        Outcome::Closed
    }
}

/// The status at the start of a field section (RFC 7541 appendix A).
fn status(block: &[u8]) -> u16 {
    let known = [200, 204, 206, 304, 400, 404, 500];
    let number = block.first().copied().unwrap_or(0).wrapping_sub(0x88);
    known.get(usize::from(number)).copied().unwrap_or(0)
}

/// A field section of literals (RFC 7541 section 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.extend(length(text.len()));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(mut length: usize) -> Vec<u8> {
    if length < 127 {
        return vec![u8::try_from(length).unwrap()];
    }
    let mut bytes = vec![127];
    length -= 127;
    while length >= 128 {
        bytes.push(u8::try_from(length % 128 + 128).unwrap());
        length /= 128;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes
}
