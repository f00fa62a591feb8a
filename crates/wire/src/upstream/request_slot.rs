//! The request that is sent next on a connection to an upstream.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use http::{HeaderMap, Method, Request, header};
use http_body::Body as _;
use memchr::memmem;

use super::interim;
use crate::body::Body;
use crate::client::ConnectionId;
use crate::fields::{RawFields, line};
use crate::http1::head;

/// A request is announced, and nothing of it is written yet.
const ANNOUNCED: u8 = 1;
/// The request is a HEAD.
const HEAD: u8 = 2;
/// The request asks for another protocol.
const UPGRADE: u8 = 4;
/// The connection must not be used again.
const BROKEN: u8 = 8;
/// Bytes came that no request had asked for.
const UNSOLICITED: u8 = 16;
/// The request has no body.
const BODILESS: u8 = 32;

/// The response has fields that hyper doesn't read.
const UNREAD: u8 = 64;

/// The connection was last used for the same caller.
const SAME: u8 = 128;

/// How much room for a head, and for raw fields, stays with a connection.
const KEPT_ROOM: usize = 4096;

/// The most buffers in one write.
const BUFFERS: usize = 16;

/// What the code that sends requests shares with the connection's stream.
///
/// The sender announces each request here. The stream writes its head from here, with the raw fields that hyper doesn't
/// know of, and says here what became of the connection.
#[derive(Clone, Debug, Default)]
pub struct RequestSlot(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    flags: AtomicU8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection by which the request came.
    client: Option<ConnectionId>,
    /// The fields that are written after those of the request.
    raw: Vec<u8>,
    /// The head of the request, and how much of it is written.
    head: Vec<u8>,
    written: usize,
    /// Whether the request may have to be sent again. Its head is the copy: that costs less than a copy of the request.
    keep: bool,
    /// Lines with fields of the response that hyper doesn't read.
    unread: Vec<u8>,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// It may have to be sent again: [`RequestSlot::take_written`] returns it, if it has no body.
    pub keep: bool,
    /// The connection was last used for the same caller, to whom alone bytes can get that came unasked a moment ago. For any
    /// other, the socket is asked before the request is written.
    pub same_caller: bool,
}

/// What a request says about the framing of its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The request is a HEAD: the response has no body, whatever its head says.
    pub(super) head: bool,
    /// The response may switch protocols.
    pub(super) upgrade: bool,
}

impl RequestSlot {
    /// Announces the request that is sent next, the fields that are written after its own, and the client's connection,
    /// for interim responses.
    pub fn announce(&self, request: &Request<Body>, raw: &RawFields, client: Option<&ConnectionId>, manner: Manner) {
        let head = if *request.method() == Method::HEAD { HEAD } else { 0 };
        let upgrade = if request.headers().contains_key(header::UPGRADE) { UPGRADE } else { 0 };
        let bodiless = if request.body().is_end_stream() { BODILESS } else { 0 };
        let same = if manner.same_caller { SAME } else { 0 };
        let mut state = self.lock();
        state.client = client.cloned();
        state.keep = manner.keep;
        state.head.clear();
        state.raw.clear();
        state.raw.shrink_to(KEPT_ROOM);
        state.raw.extend_from_slice(raw.as_bytes());
        self.0.flags.fetch_or(ANNOUNCED | head | upgrade | bodiless | same, Ordering::AcqRel);
    }

    /// Takes the request that was to be kept, as it was written.
    #[must_use]
    pub fn take_written(&self) -> Option<Request<()>> {
        let State { head, keep, .. } = &mut *self.lock();
        if std::mem::take(keep) { head::request(head) } else { None }
    }

    /// Appends the fields of a response that hyper had no room for.
    pub fn complete(&self, fields: &mut HeaderMap) {
        // Nearly no response has any.
        if self.0.flags.load(Ordering::Acquire) & UNREAD == 0 {
            return;
        }
        self.0.flags.fetch_and(!UNREAD, Ordering::AcqRel);
        let lines = std::mem::take(&mut self.lock().unread);
        for line in lines.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\r\n")) {
            if let Some((name, value)) = line::parse(line) {
                fields.append(name, value);
            }
        }
    }

    /// Whether the connection must not be used again.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & BROKEN != 0
    }

    /// Whether bytes came that no request had asked for.
    #[must_use]
    pub fn received_unsolicited(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & UNSOLICITED != 0
    }

    /// Whether a request was announced of which nothing is written yet.
    pub(super) fn is_announced(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & ANNOUNCED != 0
    }

    /// Whether such a request waits for the socket to be asked.
    pub(super) fn asks_first(&self) -> bool {
        self.0.flags.load(Ordering::Acquire) & (ANNOUNCED | SAME) == ANNOUNCED
    }

    /// Begins the request that was announced: hyper writes `first`, which holds its head. From now on the head is
    /// written from here, with the raw fields. Returns what response to expect, and the length of the head in `first`.
    ///
    /// # Errors
    ///
    /// If `first` doesn't hold a whole head.
    pub(super) fn begin(&self, first: &[u8]) -> io::Result<(Expected, usize)> {
        let flags = self.0.flags.fetch_and(!(ANNOUNCED | HEAD | UPGRADE | BODILESS | SAME), Ordering::AcqRel);
        let end = match flags & BODILESS {
            0 => memmem::find(first, b"\r\n\r\n"),
            _ => first.strip_suffix(b"\r\n\r\n").map(<[u8]>::len),
        };
        let fields = end.and_then(|end| first.get(..end + 2));
        let fields = fields.ok_or_else(|| io::Error::other("the head of a request is incomplete"))?;
        let State { head, raw, written, .. } = &mut *self.lock();
        head.shrink_to(KEPT_ROOM);
        head.reserve(fields.len() + raw.len() + 2);
        head.extend_from_slice(fields);
        head.extend_from_slice(raw);
        head.extend_from_slice(b"\r\n");
        *written = 0;
        Ok((Expected { head: flags & HEAD != 0, upgrade: flags & UPGRADE != 0 }, fields.len() + 2))
    }

    /// Writes what is left of the head, and as much of `behind` as goes along. Returns how much of `behind` was
    /// written, and whether the head is whole now.
    pub(super) fn poll_head(
        &self,
        behind: [&[IoSlice<'_>]; 2],
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<(usize, bool)>> {
        let State { head, written, .. } = &mut *self.lock();
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

    /// Passes an interim response on to the client.
    pub(super) fn pass_interim(&self, head: &[u8]) {
        let client = self.lock().client.as_ref().and_then(ConnectionId::handle);
        if let (Some(client), Some(head)) = (client, interim::for_client(head)) {
            // The final response may have begun; then this one is dropped.
            let _ = client.send_interim(&head);
        }
    }

    /// Notes lines with fields of the response that hyper doesn't read.
    pub(super) fn note_unread(&self, lines: &[u8]) {
        self.lock().unread = lines.to_vec();
        self.0.flags.fetch_or(UNREAD, Ordering::AcqRel);
    }

    pub(super) fn mark_broken(&self) {
        self.0.flags.fetch_or(BROKEN, Ordering::AcqRel);
    }

    pub(super) fn note_unsolicited(&self) {
        self.0.flags.fetch_or(BROKEN | UNSOLICITED, Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn begun(keep: bool, raw: &RawFields, first: &[u8]) -> (RequestSlot, io::Result<(Expected, usize)>) {
        let slot = RequestSlot::default();
        let body = if first.starts_with(b"GET") { Body::empty() } else { Body::full("\r\n\r\nbody") };
        slot.announce(&Request::new(body), raw, None, Manner { keep, same_caller: false });
        let begun = slot.begin(first);
        (slot, begun)
    }

    fn raw() -> RawFields {
        let mut raw = RawFields::default();
        raw.push(&header::VIA, &HeaderValue::from_static("a"));
        raw
    }

    #[test]
    fn what_was_written_can_be_taken_once() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: a\r\nx: one\r\nx: t\xc3\xbc\t2\r\n\r\n";
        let (slot, begun) = begun(true, &raw(), head);
        assert_eq!(begun.unwrap(), (Expected::default(), head.len()));
        let request = slot.take_written().unwrap();
        assert_eq!((request.method(), request.uri().to_string()), (&Method::GET, "/a?b".to_owned()));
        let values: Vec<&[u8]> = request.headers().get_all("x").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!((request.headers().len(), values), (4, vec![&b"one"[..], b"t\xc3\xbc\t2"]));
        assert_eq!(request.headers()[header::VIA], "a");
        assert!(slot.take_written().is_none(), "once");
    }

    #[test]
    fn what_is_not_kept_or_not_whole_cannot_be_taken() {
        let (slot, begun_whole) = begun(false, &RawFields::default(), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(begun_whole.is_ok() && slot.take_written().is_none());
        let (slot, begun) = begun(true, &RawFields::default(), b"GET / HTTP/1.1\r\nhost: a\r\n");
        assert!(begun.is_err() && slot.take_written().is_none());
    }

    #[test]
    fn raw_fields_stand_behind_the_fields_however_little_is_written_at_a_time() {
        let (head, body) = (&b"POST / HTTP/1.1\r\nhost: a\r\n\r\n"[..], &b"\r\n\r\nbody"[..]);
        for step in 1..64 {
            let sent = [head, body].concat();
            let (slot, begun) = begun(false, &raw(), &sent);
            let (mut at, mut written, mut whole) = (begun.unwrap().1, Vec::new(), false);
            while !whole {
                let behind = [IoSlice::new(&sent[at..])];
                let write = |buffers: &[IoSlice<'_>]| {
                    let all = buffers.iter().flat_map(|buffer| buffer.iter().copied());
                    let before = written.len();
                    written.extend(all.take(step));
                    Poll::Ready(Ok(written.len() - before))
                };
                let Poll::Ready(Ok((behind, ended))) = slot.poll_head([&behind, &[]], write) else { panic!() };
                at += behind;
                whole = ended;
            }
            written.extend_from_slice(&sent[at..]);
            assert_eq!(written, [&head[..head.len() - 2], b"via: a\r\n\r\n", body].concat(), "{step}");
        }
    }
}
