//! Whose turn it is on a connection to an upstream.

use std::io::IoSlice;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Method, Request, header};

use super::super::handle::ConnectionId;
use super::super::head;
use super::interim;

const ASKED: u8 = 1;
const HEAD: u8 = 2;
const UPGRADE: u8 = 4;
const SPOILT: u8 = 8;
const UNASKED: u8 = 16;
const KEEP: u8 = 32;

/// How much room for a kept head stays with a connection.
const KEPT_ROOM: usize = 4096;

/// What the one who sends a request and the connection's stream tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    flags: AtomicU8,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// By which connection the request came.
    client: Option<ConnectionId>,
    /// The head of the request as it was written, if it may have to be sent again: a copy of bytes costs less than one of
    /// the request.
    written: Vec<u8>,
}

/// What of a request says how its answer is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The answer has no body, whatever its head says.
    pub(super) head: bool,
    /// The answer may switch protocols.
    pub(super) upgrade: bool,
}

impl Turn {
    /// Announces the request that is sent next, and the client's connection that interim answers are for. With `keep` it can
    /// be had once more, if it has no body.
    pub(crate) fn ask(&self, method: &Method, fields: &HeaderMap, client: Option<&ConnectionId>, keep: bool) {
        let head = if *method == Method::HEAD { HEAD } else { 0 };
        let upgrade = if fields.contains_key(header::UPGRADE) { UPGRADE } else { 0 };
        let keep = if keep { KEEP } else { 0 };
        let mut told = self.told();
        told.client = client.cloned();
        told.written.clear();
        self.0.flags.fetch_or(ASKED | head | upgrade | keep, Ordering::AcqRel);
    }

    /// The request that was to be kept, as it was written.
    pub(crate) fn written(&self) -> Option<Request<()>> {
        head::request(&std::mem::take(&mut self.told().written))
    }

    /// Whether the connection must not be used again.
    pub(crate) fn is_spoilt(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & SPOILT != 0
    }

    /// Whether bytes came that nobody had asked for.
    pub(crate) fn heard_unasked(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & UNASKED != 0
    }

    /// Whether a request was announced of which nothing is written yet.
    pub(super) fn is_asked(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & ASKED != 0
    }

    /// The request that was announced, now that it begins to be written with `first`.
    pub(super) fn begin(&self, first: &[IoSlice<'_>]) -> Option<Asked> {
        let flags = self.0.flags.fetch_and(!(ASKED | HEAD | UPGRADE | KEEP), Ordering::AcqRel);
        if flags & KEEP != 0 {
            let Told { written, .. } = &mut *self.told();
            written.shrink_to(KEPT_ROOM);
            for part in first {
                written.extend_from_slice(part);
            }
        }
        let asked = Asked { head: flags & HEAD != 0, upgrade: flags & UPGRADE != 0 };
        (flags & ASKED != 0).then_some(asked)
    }

    /// Passes an interim answer on to the client.
    pub(super) fn pass_interim(&self, head: &[u8]) {
        let client = self.told().client.as_ref().and_then(ConnectionId::handle);
        if let (Some(client), Some(head)) = (client, interim::for_client(head)) {
            client.send(&head);
        }
    }

    pub(super) fn spoil(&self) {
        self.0.flags.fetch_or(SPOILT, Ordering::AcqRel);
    }

    pub(super) fn hear_unasked(&self) {
        self.0.flags.fetch_or(SPOILT | UNASKED, Ordering::AcqRel);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_was_written_can_be_had_once_more() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: a\r\nx: one\r\nx: t\xc3\xbc\t2\r\n\r\n";
        let turn = Turn::default();
        turn.ask(&Method::GET, &HeaderMap::new(), None, true);
        let (one, other) = head.split_at(9);
        assert_eq!(turn.begin(&[IoSlice::new(one), IoSlice::new(other)]), Some(Asked::default()));
        let request = turn.written().unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "/a?b".to_owned()));
        let values: Vec<&[u8]> = request.headers().get_all("x").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!((request.headers().len(), values), (3, vec![&b"one"[..], b"t\xc3\xbc\t2"]));
        assert!(turn.written().is_none(), "once");
    }

    #[test]
    fn what_is_not_to_be_kept_or_not_whole_cannot() {
        let turn = Turn::default();
        for (keep, head) in
            [(false, &b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..]), (true, b"GET / HTTP/1.1\r\nhost: a\r\n")]
        {
            turn.ask(&Method::GET, &HeaderMap::new(), None, keep);
            turn.begin(&[IoSlice::new(head)]);
            assert!(turn.written().is_none());
        }
    }
}
