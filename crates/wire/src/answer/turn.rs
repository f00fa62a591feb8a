//! Whose turn it is on a connection to an upstream.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use http::{Method, Request, header};
use http_body::Body as _;
use memchr::memmem;

use super::super::body::Body;
use super::super::handle::ConnectionId;
use super::super::head;
use super::super::lines::Lines;
use super::interim;

const ASKED: u8 = 1;
const HEAD: u8 = 2;
const UPGRADE: u8 = 4;
const SPOILT: u8 = 8;
const UNASKED: u8 = 16;
/// Nothing follows the head.
const ALONE: u8 = 32;

/// How much room for a head, and for lines, stays with a connection.
const KEPT_ROOM: usize = 4096;

/// How many buffers are written at once.
const BUFFERS: usize = 16;

/// What the one who sends a request and the connection's stream tell each other.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    flags: AtomicU8,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// By which connection the request came.
    client: Option<ConnectionId>,
    /// The fields that go behind those of the request.
    lines: Vec<u8>,
    /// The head of the request as it is written, and how much of it was.
    head: Vec<u8>,
    written: usize,
    /// Whether it may have to be sent again: a copy of bytes costs less than one of the request.
    keep: bool,
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
    /// Announces the request that is sent next, the fields that go behind its own, and the client's connection that interim
    /// answers are for. With `keep` it can be had once more, if it has no body.
    pub fn ask(&self, request: &Request<Body>, lines: &Lines, client: Option<&ConnectionId>, keep: bool) {
        let head = if *request.method() == Method::HEAD { HEAD } else { 0 };
        let upgrade = if request.headers().contains_key(header::UPGRADE) { UPGRADE } else { 0 };
        let alone = if request.body().is_end_stream() { ALONE } else { 0 };
        let mut told = self.told();
        told.client = client.cloned();
        told.keep = keep;
        told.head.clear();
        told.lines.clear();
        told.lines.shrink_to(KEPT_ROOM);
        told.lines.extend_from_slice(lines.as_bytes());
        self.0.flags.fetch_or(ASKED | head | upgrade | alone, Ordering::AcqRel);
    }

    /// The request that was to be kept, as it was written.
    #[must_use]
    pub fn written(&self) -> Option<Request<()>> {
        let Told { head, keep, .. } = &mut *self.told();
        if std::mem::take(keep) { head::request(head) } else { None }
    }

    /// Whether the connection must not be used again.
    #[must_use]
    pub fn is_spoilt(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & SPOILT != 0
    }

    /// Whether bytes came that nobody had asked for.
    #[must_use]
    pub fn heard_unasked(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & UNASKED != 0
    }

    /// Whether a request was announced of which nothing is written yet.
    pub(super) fn is_asked(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & ASKED != 0
    }

    /// The request that was announced, now that it begins to be written with `first`. From then on its head is written from
    /// here, with what goes behind its fields.
    ///
    /// # Errors
    ///
    /// If that isn't a whole head.
    pub(super) fn begin(&self, first: &[u8]) -> io::Result<(Asked, usize)> {
        let flags = self.0.flags.fetch_and(!(ASKED | HEAD | UPGRADE | ALONE), Ordering::AcqRel);
        let end = match flags & ALONE {
            0 => memmem::find(first, b"\r\n\r\n"),
            _ => first.strip_suffix(b"\r\n\r\n").map(<[u8]>::len),
        };
        let fields = end.and_then(|end| first.get(..end + 2));
        let fields = fields.ok_or_else(|| io::Error::other("the head of a request isn't whole"))?;
        let Told { head, lines, written, .. } = &mut *self.told();
        head.shrink_to(KEPT_ROOM);
        head.reserve(fields.len() + lines.len() + 2);
        head.extend_from_slice(fields);
        head.extend_from_slice(lines);
        head.extend_from_slice(b"\r\n");
        *written = 0;
        Ok((Asked { head: flags & HEAD != 0, upgrade: flags & UPGRADE != 0 }, fields.len() + 2))
    }

    /// Writes what is left of the head, and of what follows it as much as is taken at the same time; how much that was, and
    /// whether all of the head was written.
    pub(super) fn poll_head(
        &self,
        behind: [&[IoSlice<'_>]; 2],
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<(usize, bool)>> {
        let Told { head, written, .. } = &mut *self.told();
        let left = head.get(*written..).unwrap_or_default();
        let mut buffers = [IoSlice::new(left); BUFFERS];
        let behind = behind.into_iter().flatten().filter(|buffer| !buffer.is_empty());
        let filled = buffers[1..].iter_mut().zip(behind).map(|(place, buffer)| *place = IoSlice::new(buffer)).count();
        let count = ready!(write(&buffers[..=filled]))?;
        let of_head = count.min(left.len());
        *written += of_head;
        Poll::Ready(if count == 0 {
            Err(io::ErrorKind::WriteZero.into())
        } else {
            Ok((count - of_head, of_head == left.len()))
        })
    }

    /// Passes an interim answer on to the client.
    pub(super) fn pass_interim(&self, head: &[u8]) {
        let client = self.told().client.as_ref().and_then(ConnectionId::handle);
        if let (Some(client), Some(head)) = (client, interim::for_client(head)) {
            // The client may be past interim responses; then there is none to pass on.
            let _ = client.send(&head);
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

    fn begun(keep: bool, lines: &Lines, first: &[u8]) -> (Turn, io::Result<(Asked, usize)>) {
        let turn = Turn::default();
        let body = if first.starts_with(b"GET") { Body::empty() } else { Body::full("\r\n\r\nbody") };
        turn.ask(&Request::new(body), lines, None, keep);
        let begun = turn.begin(first);
        (turn, begun)
    }

    fn lines() -> Lines {
        let mut lines = Lines::default();
        lines.push(&header::VIA, &HeaderValue::from_static("a"));
        lines
    }

    #[test]
    fn what_was_written_can_be_had_once_more() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: a\r\nx: one\r\nx: t\xc3\xbc\t2\r\n\r\n";
        let (turn, begun) = begun(true, &lines(), head);
        assert_eq!(begun.unwrap(), (Asked::default(), head.len()));
        let request = turn.written().unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "/a?b".to_owned()));
        let values: Vec<&[u8]> = request.headers().get_all("x").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!((request.headers().len(), values), (4, vec![&b"one"[..], b"t\xc3\xbc\t2"]));
        assert_eq!(request.headers()[header::VIA], "a");
        assert!(turn.written().is_none(), "once");
    }

    #[test]
    fn what_is_not_to_be_kept_or_not_whole_cannot() {
        let (turn, begun_whole) = begun(false, &Lines::default(), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(begun_whole.is_ok() && turn.written().is_none());
        let (turn, begun) = begun(true, &Lines::default(), b"GET / HTTP/1.1\r\nhost: a\r\n");
        assert!(begun.is_err() && turn.written().is_none());
    }

    #[test]
    fn lines_stand_behind_the_fields_however_little_is_written_at_a_time() {
        let (head, body) = (&b"POST / HTTP/1.1\r\nhost: a\r\n\r\n"[..], &b"\r\n\r\nbody"[..]);
        for step in 1..64 {
            let sent = [head, body].concat();
            let (turn, begun) = begun(false, &lines(), &sent);
            let (mut at, mut written, mut whole) = (begun.unwrap().1, Vec::new(), false);
            while !whole {
                let behind = [IoSlice::new(&sent[at..])];
                let write = |buffers: &[IoSlice<'_>]| {
                    let all = buffers.iter().flat_map(|buffer| buffer.iter().copied());
                    let before = written.len();
                    written.extend(all.take(step));
                    Poll::Ready(Ok(written.len() - before))
                };
                let Poll::Ready(Ok((behind, ended))) = turn.poll_head([&behind, &[]], write) else { panic!() };
                at += behind;
                whole = ended;
            }
            written.extend_from_slice(&sent[at..]);
            assert_eq!(written, [&head[..head.len() - 2], b"via: a\r\n\r\n", body].concat(), "{step}");
        }
    }
}
