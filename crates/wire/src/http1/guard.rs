//! Follows what a client sends over HTTP/1.1, so that hyper sees only what every server reads alike.
//!
//! A head is held until it is whole and checked. Bodies pass as they come; the guard follows their framing to know
//! where the next head begins. What breaks a rule never passes: hyper reads a harmless request in its place, and the
//! connection's handle has the reason, for the refusal.

use std::borrow::Cow;

use super::chunked::Chunked;
use super::head::{Fault, Framing, HeadReader};
use super::request_line;

/// The request that stands in for one that is refused. It asks to close the connection.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// Breaks off a chunked body: a CR without its LF is wrong at any place in the framing. A request can't stand in here,
/// since the body's own request is already under way, and earlier ones still need their responses.
const BREAK: &[u8] = b"\rx";

/// The host of that request. A client may send it too, so it counts only if the connection's handle has a reason.
pub const STAND_IN_HOST: &str = "refused";

/// Why the guard refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It breaks this rule.
    Malformed(Fault),
    /// Its head is larger than the configuration allows.
    HeadTooLarge,
    /// Its first line alone is larger.
    TargetTooLong,
}

/// Follows the bytes that come by a connection.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    phase: Phase,
    max_head: usize,
    max_headers: usize,
    /// A head that isn't whole yet.
    held: Vec<u8>,
    reader: HeadReader,
    /// How many heads passed, and how many of them before the last bytes came.
    heads: u64,
    before: u64,
}

#[derive(Debug)]
enum Phase {
    Head,
    Body(u64),
    Chunks(Chunked),
    Refused,
}

/// What happens to bytes that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They pass as they are.
    Pass,
    /// These pass instead. The rest is held.
    Instead(Vec<u8>),
    /// These pass instead, and then nothing more.
    Refuse(Vec<u8>, Refused),
}

impl RequestGuard {
    pub(crate) fn new(max_head: usize, max_headers: usize) -> Self {
        Self {
            phase: Phase::Head,
            max_head,
            max_headers,
            held: Vec::new(),
            reader: HeadReader::default(),
            heads: 0,
            before: 0,
        }
    }

    /// Whether anything came after the last head that passed.
    pub(crate) fn is_ahead(&self) -> bool {
        self.heads > self.before + 1 || !self.held.is_empty() || !matches!(self.phase, Phase::Head)
    }

    /// How many heads passed.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether every request that began has come to its end.
    pub(crate) fn is_between(&self) -> bool {
        self.held.is_empty() && matches!(self.phase, Phase::Head)
    }

    /// Checks the next bytes.
    pub(crate) fn check(&mut self, new: &[u8]) -> Verdict {
        if matches!(self.phase, Phase::Refused) {
            return Verdict::Instead(Vec::new());
        }
        self.before = self.heads;
        let held = std::mem::take(&mut self.held);
        let bytes = if held.is_empty() { Cow::Borrowed(new) } else { Cow::Owned([&held, new].concat()) };
        let (mut at, mut passing) = (0, Vec::new());
        loop {
            match self.follow(&bytes[at..]) {
                Ok((length, 0)) if at == 0 && held.is_empty() && length == new.len() => return Verdict::Pass,
                Ok((length, dropped)) => {
                    passing.extend_from_slice(&bytes[at..at + length]);
                    at += length + dropped;
                    if dropped == 0 {
                        self.held.extend_from_slice(&bytes[at..]);
                        return Verdict::Instead(passing);
                    }
                }
                Err((length, refused)) => {
                    passing.extend_from_slice(&bytes[at..at + length]);
                    let rest = if matches!(self.phase, Phase::Chunks(_)) { BREAK } else { STAND_IN };
                    passing.extend_from_slice(rest);
                    self.phase = Phase::Refused;
                    return Verdict::Refuse(passing, refused);
                }
            }
        }
    }

    /// Follows the bytes through heads and bodies. Returns how many of them may pass, and how many after those are
    /// dropped.
    fn follow(&mut self, bytes: &[u8]) -> Result<(usize, usize), (usize, Refused)> {
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.phase {
                // Some clients send an empty line after a body (RFC 9112 section 2.2). It is dropped: with a part of
                // it, hyper would seem to have a part of a request.
                Phase::Head if self.reader.is_at_first() && bytes[at..].starts_with(b"\r\n") => {
                    self.reader = HeadReader::default();
                    return Ok((at, 2));
                }
                Phase::Head => match self.follow_head(&bytes[at..]) {
                    Ok(Some(length)) => {
                        at += length;
                        self.heads += 1;
                    }
                    Ok(None) => return Ok((at, 0)),
                    Err(refused) => return Err((at, refused)),
                },
                Phase::Body(left) => {
                    let part = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= part as u64;
                    at += part;
                    if *left == 0 {
                        self.phase = Phase::Head;
                    }
                }
                Phase::Chunks(chunked) => match chunked.follow(&bytes[at..]) {
                    Ok((length, ended)) => {
                        at += length;
                        if ended {
                            self.phase = Phase::Head;
                        }
                    }
                    Err((length, fault)) => return Err((at + length, Refused::Malformed(fault))),
                },
                Phase::Refused => return Ok((at, 0)),
            }
        }
        Ok((at, 0))
    }

    /// The length of the head at the start of `bytes`, if it is whole.
    fn follow_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let end = self.reader.read(bytes, request_line::check).map_err(Refused::Malformed)?;
        if end.unwrap_or(bytes.len()) > self.max_head || self.reader.fields() > self.max_headers {
            let in_target = self.reader.is_at_first();
            return Err(if in_target { Refused::TargetTooLong } else { Refused::HeadTooLarge });
        }
        if end.is_some() {
            let framing = std::mem::take(&mut self.reader).framing().map_err(Refused::Malformed)?;
            self.phase = match framing.unwrap_or(Framing::Length(0)) {
                Framing::Length(0) => Phase::Head,
                Framing::Length(length) => Phase::Body(length),
                Framing::Chunked => Phase::Chunks(Chunked::default()),
            };
        }
        Ok(end)
    }
}

/// What hyper would see of `bytes`, sent in parts of `size`, and why the guard refused the rest.
#[must_use]
pub fn guarded(bytes: &[u8], size: usize) -> (Vec<u8>, Option<Refused>) {
    let mut guard = RequestGuard::new(1024, 100);
    let (mut seen, mut refused) = (Vec::new(), None);
    for part in bytes.chunks(size.max(1)) {
        match guard.check(part) {
            Verdict::Pass => seen.extend_from_slice(part),
            Verdict::Instead(bytes) => seen.extend(bytes),
            Verdict::Refuse(bytes, why) => {
                seen.extend(bytes);
                refused = Some(why);
            }
        }
    }
    (seen, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nG\n\nT\
        POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n\
        GET /c HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn sound_bytes_pass_unchanged_however_they_are_cut() {
        for size in 1..=GOOD.len() {
            assert_eq!(guarded(GOOD, size), (GOOD.to_vec(), None), "in parts of {size}");
        }
    }

    #[test]
    fn empty_lines_before_a_request_are_dropped_however_they_are_cut() {
        let lines = b"\r\n\r\n";
        let bytes = [lines, GOOD, lines, GOOD, lines].concat();
        for size in 1..=bytes.len() {
            assert_eq!(guarded(&bytes, size), (GOOD.repeat(2), None), "in parts of {size}");
        }
        let mut guard = RequestGuard::new(1024, 100);
        let upgrade = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(guard.check(upgrade), Verdict::Instead(upgrade[2..].to_vec()));
        assert_eq!((guard.heads(), guard.is_ahead(), guard.is_between()), (1, false, true));
        assert_eq!(guard.check(b"\r\n"), Verdict::Instead(Vec::new()));
        assert_eq!((guard.heads(), guard.is_ahead(), guard.is_between()), (1, false, true));
    }

    #[test]
    fn of_an_unsound_request_the_parser_sees_nothing() {
        for bad in [
            &b"GET / HTTP/1.1\nHost: a\n\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n",
            b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            for size in 1..=bad.len() {
                let bytes = [GOOD, bad].concat();
                let (seen, refused) = guarded(&bytes, size);
                assert!(matches!(refused, Some(Refused::Malformed(_))), "{bad:?} in parts of {size}");
                assert_eq!(seen, [GOOD, STAND_IN].concat(), "{bad:?} in parts of {size}");
            }
        }
    }

    #[test]
    fn an_endless_head_is_given_up() {
        let bytes = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 2000]].concat();
        for size in [1, 100, 5000] {
            assert_eq!(guarded(&bytes, size).1, Some(Refused::HeadTooLarge));
        }
    }

    #[test]
    fn broken_chunks_break_the_request_off() {
        let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n";
        for size in 1..=bytes.len() {
            let (seen, refused) = guarded(bytes, size);
            assert!(matches!(refused, Some(Refused::Malformed(_))));
            assert!(seen.ends_with(b"\r\n\r\n3\rx"), "{}", String::from_utf8_lossy(&seen));
        }
    }
}
