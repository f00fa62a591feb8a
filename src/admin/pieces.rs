//! A text that is sent while it is written.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// The size of a piece, in bytes.
const PIECE: usize = 32 * 1024;

/// How many pieces wait for their reader.
const WAITING: usize = 4;

/// How long a reader may take for one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes a text on a thread that may block, and hands it on in pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    text: String,
    to: mpsc::Sender<Bytes>,
    patience: Duration,
    runtime: Handle,
}

impl Pieces {
    /// The writer, and the body of the response that it becomes. For a task.
    pub(super) fn new() -> (Self, Body) {
        Self::with_patience(PATIENCE)
    }

    fn with_patience(patience: Duration) -> (Self, Body) {
        let (to, mut from) = mpsc::channel(WAITING);
        let pieces = poll_fn(move |cx| from.poll_recv(cx)).map(Ok::<_, Infallible>);
        (Self { text: String::new(), to, patience, runtime: Handle::current() }, Body::from_stream(pieces))
    }

    /// Hands on what is left.
    ///
    /// # Errors
    ///
    /// If the reader has left, or takes too long.
    pub(super) fn finish(mut self) -> fmt::Result {
        self.hand_on()
    }

    fn hand_on(&mut self) -> fmt::Result {
        let piece = Bytes::from(std::mem::take(&mut self.text));
        let taken = self.runtime.block_on(async { tokio::time::timeout(self.patience, self.to.send(piece)).await });
        taken.map_err(|_| fmt::Error)?.map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        if self.text.len() < PIECE { Ok(()) } else { self.hand_on() }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[tokio::test]
    async fn a_text_arrives_whole_and_no_more_of_it_waits_than_a_few_pieces() {
        let (mut pieces, body) = Pieces::new();
        let line = "x".repeat(1000);
        let written = tokio::task::spawn_blocking(move || {
            (0..1000).try_for_each(|_| pieces.write_str(&line)).and_then(|()| pieces.finish())
        });
        let mut read = 0;
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.unwrap();
            assert!(piece.len() < PIECE + 1000);
            read += piece.len();
        }
        assert_eq!(read, 1_000_000);
        written.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn nothing_is_written_for_a_reader_who_left() {
        let (mut pieces, body) = Pieces::new();
        drop(body);
        let written = tokio::task::spawn_blocking(move || {
            (0..1_000_000).position(|_| pieces.write_str("0123456789").is_err()).unwrap_or(usize::MAX)
        });
        assert!(written.await.unwrap() <= PIECE / 10);
    }

    #[tokio::test]
    async fn a_reader_who_takes_nothing_is_given_up() {
        let (mut pieces, body) = Pieces::with_patience(Duration::from_millis(10));
        let written = tokio::task::spawn_blocking(move || {
            let line = "x".repeat(PIECE);
            (0..100).try_for_each(|_| pieces.write_str(&line))
        });
        assert!(written.await.unwrap().is_err());
        drop(body);
    }
}
