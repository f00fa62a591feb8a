//! Trailer sections over HTTP/2, on their way to h2.
//!
//! h2 drops pseudo-fields at the beginning of a trailer section, though they make the message malformed (RFC 9113
//! section 8.1). Behind a field it refuses them. So each trailer section gets a field in front, one of those that stop
//! here anyway. That needs no decoder, whose tables would have to follow every field section of the connection.

use std::collections::BTreeMap;

use super::frames::{Frame, HEAD, MAX_PAYLOAD, kind};

/// `age` without a value, as a literal that no table keeps (RFC 7541 section 6.2.2). `fields::trailers` removes it.
const MARK: [u8; 3] = [0x0f, 0x06, 0x00];

/// Flags of a field section's frame.
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// How many responses are followed. One of more streams at once, which hyper never opens, would go unmarked.
const MAX_STREAMS: usize = 1024;

/// Marks the trailer sections in the bytes of one direction.
#[derive(Debug)]
pub(crate) struct TrailerGuard {
    heads: Heads,
    /// How much of the preface, or of a frame's payload, passes unread.
    left: usize,
    /// The beginning of a frame that isn't passed yet.
    held: Vec<u8>,
}

/// The heads of messages that came, to tell trailer sections from them.
#[derive(Debug)]
enum Heads {
    /// The highest stream with a request.
    OfRequests(u32),
    /// The streams with a response that goes on, and whether its final head came for certain.
    OfResponses(BTreeMap<u32, bool>),
}

impl TrailerGuard {
    /// For requests, which come behind a preface of this length.
    pub(crate) fn of_requests(preface: usize) -> Self {
        Self { heads: Heads::OfRequests(0), left: preface, held: Vec::new() }
    }

    /// For responses.
    pub(crate) fn of_responses() -> Self {
        Self { heads: Heads::OfResponses(BTreeMap::new()), left: 0, held: Vec::new() }
    }

    /// Follows the next bytes. Returns those that pass instead, if it isn't the same ones.
    pub(crate) fn check(&mut self, new: &[u8]) -> Option<Vec<u8>> {
        let joined = (!self.held.is_empty()).then(|| [&self.held, new].concat());
        self.held.clear();
        let bytes = joined.as_deref().unwrap_or(new);
        let (mut at, mut passed, mut instead) = (0, 0, Vec::new());
        loop {
            let part = self.left.min(bytes.len() - at);
            (self.left, at) = (self.left - part, at + part);
            let rest = &bytes[at..];
            let Some(first) = rest.first_chunk::<HEAD>() else { break };
            let frame = Frame::read(*first);
            let whole = HEAD + frame.length;
            if frame.kind == kind::HEADERS && frame.length + MARK.len() <= MAX_PAYLOAD && self.heads.are_before(frame) {
                let Some(section) = rest.get(..whole) else { break };
                instead.extend_from_slice(&bytes[passed..at]);
                mark(section, &mut instead);
                (at, passed) = (at + whole, at + whole);
            } else {
                let payload = &rest[HEAD..whole.min(rest.len())];
                self.heads.note(frame, payload);
                (self.left, at) = (frame.length, at + HEAD);
            }
        }
        self.held = bytes[at..].to_vec();
        if joined.is_none() && passed == 0 && self.held.is_empty() {
            return None;
        }
        instead.extend_from_slice(&bytes[passed..at]);
        Some(instead)
    }
}

impl Heads {
    /// Whether a field section comes behind the head of its message.
    fn are_before(&self, frame: Frame) -> bool {
        match self {
            Self::OfRequests(last) => frame.stream <= *last,
            Self::OfResponses(open) => open.get(&frame.stream).copied().unwrap_or(false),
        }
    }

    /// Notes a frame that passes, with as much of its payload as has come.
    fn note(&mut self, frame: Frame, payload: &[u8]) {
        match (self, frame.kind) {
            (Self::OfRequests(last), kind::HEADERS) => *last = frame.stream.max(*last),
            (Self::OfResponses(open), kind::RST_STREAM) => drop(open.remove(&frame.stream)),
            (Self::OfResponses(open), kind::DATA | kind::HEADERS) if frame.ends_stream() => {
                open.remove(&frame.stream);
            }
            (Self::OfResponses(open), kind::DATA) => {
                if let Some(is_final) = open.get_mut(&frame.stream) {
                    *is_final = true;
                }
            }
            (Self::OfResponses(open), kind::HEADERS) => {
                let block = payload.get(fields_at(frame, payload)..).unwrap_or_default();
                open.insert(frame.stream, is_final(block));
                if open.len() > MAX_STREAMS {
                    open.pop_first();
                }
            }
            _ => {}
        }
    }
}

/// Writes a trailer section with the mark as its first field.
fn mark(section: &[u8], out: &mut Vec<u8>) {
    let Some((head, payload)) = section.split_first_chunk::<HEAD>() else { return };
    let at = fields_at(Frame::read(*head), payload).min(payload.len());
    let length = u32::try_from(payload.len() + MARK.len()).unwrap_or_default().to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&head[3..]);
    out.extend_from_slice(&payload[..at]);
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&payload[at..]);
}

/// Where the fields begin in the payload: behind the length of the padding, the priority, and changes of the table's
/// size, which come before any field (RFC 7541 section 4.2).
fn fields_at(frame: Frame, payload: &[u8]) -> usize {
    let mut at = usize::from(frame.flags & PADDED != 0) + if frame.flags & PRIORITY != 0 { 5 } else { 0 };
    while let Some(first) = payload.get(at).filter(|byte| **byte & 0xe0 == 0x20) {
        at += 1;
        if first & 0x1f == 0x1f {
            at += payload.iter().skip(at).take_while(|byte| **byte & 0x80 != 0).count() + 1;
        }
    }
    at
}

/// Whether a head begins with a status that isn't interim, in the form in which it is plain to see: by its number in
/// the static table (RFC 7541 appendix A), or as a literal of that name.
fn is_final(block: &[u8]) -> bool {
    match *block {
        [0x88..=0x8e, ..] => true,
        [0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e, length, first, ..] if length & 0x80 == 0 => first != b'1',
        // In Huffman's code, `1` is 00001.
        [0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e, _, first, ..] => first >> 3 != 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// What passes of `frames`, sent in parts of `size`.
    fn passed(mut guard: TrailerGuard, bytes: &[u8], size: usize) -> Vec<u8> {
        bytes.chunks(size).flat_map(|part| guard.check(part).unwrap_or_else(|| part.to_vec())).collect()
    }

    #[test]
    fn the_trailer_section_of_a_request_is_marked_however_the_bytes_are_cut() {
        let before = [b"PRI".to_vec(), frame(kind::HEADERS, 4, 1, b"head"), frame(kind::DATA, 0, 1, b"data")].concat();
        let other = frame(kind::HEADERS, 5, 3, b"head");
        for (flags, prefix) in [(5, &b""[..]), (5, b"\x20\x3f\xe1\x1f"), (0x2d, b"\x02prio!\x21")] {
            let trailers = frame(kind::HEADERS, flags, 1, &[prefix, b"fields"].concat());
            let marked = frame(kind::HEADERS, flags, 1, &[prefix, &MARK, b"fields"].concat());
            let (sent, expected) = ([&before[..], &trailers, &other].concat(), [&before[..], &marked, &other].concat());
            for size in 1..=sent.len() {
                assert_eq!(passed(TrailerGuard::of_requests(3), &sent, size), expected, "{flags}, in parts of {size}");
            }
        }
    }

    #[test]
    fn what_has_no_trailers_passes_as_it_is() {
        let sent = [b"PRI".to_vec(), frame(kind::HEADERS, 5, 1, b"head"), frame(kind::HEADERS, 5, 3, b"head")].concat();
        assert_eq!(TrailerGuard::of_requests(3).check(&sent), None);
        let response = [frame(kind::HEADERS, 4, 1, b"\x88"), frame(kind::DATA, 1, 1, b"data")].concat();
        assert_eq!(TrailerGuard::of_responses().check(&response), None);
    }

    #[test]
    fn the_head_behind_an_interim_response_is_no_trailer_section() {
        let trailers = frame(kind::HEADERS, 5, 1, b"\x88");
        let marked = frame(kind::HEADERS, 5, 1, &[&MARK[..], b"\x88"].concat());
        for interim in [&b"\x08\x03103"[..], b"\x48\x82\x08\x13", b"\xbe"] {
            let sent = [frame(kind::HEADERS, 4, 1, interim), trailers.clone()].concat();
            assert_eq!(passed(TrailerGuard::of_responses(), &sent, 4096), sent, "{interim:?}");
            let data = frame(kind::DATA, 0, 1, b"");
            let sent = [frame(kind::HEADERS, 4, 1, interim), data.clone(), trailers.clone()].concat();
            let expected = [frame(kind::HEADERS, 4, 1, interim), data, marked.clone()].concat();
            assert_eq!(passed(TrailerGuard::of_responses(), &sent, 4096), expected, "{interim:?}");
        }
        for last in [&b"\x88"[..], b"\x8d", b"\x08\x03200", b"\x48\x82\x10\x02"] {
            let sent = [frame(kind::HEADERS, 4, 1, last), trailers.clone()].concat();
            let expected = [frame(kind::HEADERS, 4, 1, last), marked.clone()].concat();
            for size in [4096, 1] {
                // The beginning of a head may come alone: then nothing is plain to see.
                let seen = passed(TrailerGuard::of_responses(), &sent, size);
                assert_eq!(seen, if size == 1 { sent.clone() } else { expected.clone() }, "{last:?}");
            }
        }
    }

    #[test]
    fn no_more_is_kept_of_responses_than_fits() {
        let mut guard = TrailerGuard::of_responses();
        for stream in 0..5000_u32 {
            let head = [&[0, 0, 1, kind::HEADERS, 4][..], &stream.to_be_bytes(), b"\x88"].concat();
            assert_eq!(guard.check(&head), None);
        }
        assert!(matches!(guard.heads, Heads::OfResponses(open) if open.len() == MAX_STREAMS));
    }
}
