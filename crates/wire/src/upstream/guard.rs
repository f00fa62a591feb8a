//! Follows what an upstream sends over HTTP/1.1, from head to head.
//!
//! A head is held until it is whole and checked. Bodies pass as they come.

use std::ops::Range;

use super::large_head::{self, MAX_FIELDS, ROOM};
use super::request_slot::Expected;
use super::response_head::{Next, check_status_line, next};
use crate::http1::Chunked;
use crate::http1::head::{Fault, Framing, HeadReader};

/// The largest head of a response, and the most interim responses before it.
const MAX_HEAD: usize = 64 << 10;
const MAX_INTERIM: u8 = 32;

pub(super) const UNSOLICITED: Fault = "Bytes came that are not part of a response (RFC 9112 section 9.2).";
const TOO_LARGE: Fault = "The head of the response is larger than 64 KiB.";
const TOO_MANY: Fault = "The response has more than 256 header fields.";
const FLOOD: Fault = "There are more than 32 interim responses.";
const SWITCH: Fault = "The protocol was switched, and the request didn't ask for that (RFC 9110 section 7.8).";

/// Follows the bytes that come by a connection.
#[derive(Debug)]
pub(super) struct ResponseGuard {
    phase: Phase,
    expected: Expected,
    interim: u8,
    /// The heads of interim responses for the client.
    interim_heads: Vec<Vec<u8>>,
    /// A head that isn't whole yet.
    held: Vec<u8>,
    reader: HeadReader,
    /// The status of the response whose head is read.
    status: u16,
    /// Whether it has more fields than hyper has room for.
    is_large: bool,
    /// Where heads stand, in the bytes that are followed, that have more fields than hyper has room for; and whether they
    /// are final.
    large: Vec<(Range<usize>, bool)>,
    /// The fields of the last one that hyper doesn't read.
    unread: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Phase {
    /// No request is in flight.
    Idle,
    Head,
    Body(u64),
    Chunks(Chunked),
    /// All that comes is part of the response, or of the protocol that the connection switched to.
    Open,
    Broken(Fault),
}

/// What happens to bytes that came. Those that don't pass are held, or dropped if the guard is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many of them pass, from the beginning.
    Pass(usize),
    /// These pass instead.
    Instead(Vec<u8>),
}

impl ResponseGuard {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            expected: Expected::default(),
            interim: 0,
            interim_heads: Vec::new(),
            held: Vec::new(),
            reader: HeadReader::default(),
            status: 0,
            is_large: false,
            large: Vec::new(),
            unread: None,
        }
    }

    /// Whether the last response has ended.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Whether an end now would cut a head short.
    pub(super) fn is_amid_head(&self) -> bool {
        !self.held.is_empty()
    }

    /// Why nothing passes any more, if so.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.phase {
            Phase::Broken(fault) => Some(fault),
            _ => None,
        }
    }

    /// Expects the response to a request.
    pub(super) fn expect(&mut self, expected: Expected) {
        if self.is_idle() {
            (self.phase, self.expected, self.interim) = (Phase::Head, expected, 0);
        }
    }

    /// Takes the heads of the interim responses that came since the last call.
    pub(super) fn take_interim(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.interim_heads)
    }

    /// Takes the lines of the fields that hyper doesn't read.
    pub(super) fn take_unread(&mut self) -> Option<Vec<u8>> {
        self.unread.take()
    }

    /// Checks the next bytes.
    pub(super) fn check(&mut self, new: &[u8]) -> Verdict {
        if self.held.is_empty() {
            let passing = self.follow(new);
            self.hold(&new[passing..]);
            if !self.large.is_empty() {
                return Verdict::Instead(self.reduce(&new[..passing]));
            }
            return Verdict::Pass(passing);
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(new);
        let passing = self.follow(&bytes);
        self.hold(&bytes[passing..]);
        bytes.truncate(passing);
        Verdict::Instead(if self.large.is_empty() { bytes } else { self.reduce(&bytes) })
    }

    /// Bytes that pass, with large heads as hyper reads them.
    fn reduce(&mut self, passing: &[u8]) -> Vec<u8> {
        let (mut reduced, mut at) = (Vec::with_capacity(passing.len()), 0);
        for (head, is_final) in std::mem::take(&mut self.large) {
            let Some(large) = passing.get(head.clone()) else { break };
            let (read, unread) = large_head::split(large);
            reduced.extend_from_slice(&passing[at..head.start]);
            reduced.extend(read);
            // hyper reads nothing of an interim response.
            self.unread = is_final.then_some(unread);
            at = head.end;
        }
        reduced.extend_from_slice(&passing[at..]);
        reduced
    }

    fn hold(&mut self, rest: &[u8]) {
        if self.fault().is_none() {
            self.held.extend_from_slice(rest);
        }
    }

    /// Follows the bytes through heads and bodies. Returns how many of them may pass.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        let mut head_at = None;
        while at < bytes.len() {
            match &mut self.phase {
                Phase::Head => match self.follow_head(&bytes[at..]) {
                    Ok(Some(length)) => {
                        // The gateway itself sends 100.
                        if matches!(self.phase, Phase::Head) && self.status > 100 {
                            self.interim_heads.push(bytes[at..at + length].to_vec());
                        }
                        head_at = Some(at);
                        if self.is_large {
                            self.large.push((at..at + length, !matches!(self.phase, Phase::Head)));
                        }
                        at += length;
                    }
                    Ok(None) => return at,
                    Err(fault) => {
                        self.phase = Phase::Broken(fault);
                        return at;
                    }
                },
                Phase::Body(left) => {
                    let part = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= part as u64;
                    at += part;
                    if *left == 0 {
                        self.phase = Phase::Idle;
                    }
                }
                Phase::Chunks(chunked) => match chunked.follow(&bytes[at..]) {
                    Ok((length, ended)) => {
                        at += length;
                        if ended {
                            self.phase = Phase::Idle;
                        }
                    }
                    Err((length, fault)) => {
                        self.phase = Phase::Broken(fault);
                        // If the head doesn't pass, the response hasn't begun, and the client gets a refusal.
                        return head_at.unwrap_or(at + length);
                    }
                },
                Phase::Open => return bytes.len(),
                Phase::Idle => {
                    self.phase = Phase::Broken(UNSOLICITED);
                    return at;
                }
                Phase::Broken(_) => return at,
            }
        }
        at
    }

    /// The length of the head at the start of `bytes`, if it is whole.
    fn follow_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let Self { reader, status, .. } = self;
        let end = reader.read(bytes, |line| {
            let version;
            (version, *status) = check_status_line(line)?;
            Ok(version == b"HTTP/1.1")
        })?;
        if end.unwrap_or(bytes.len()) > MAX_HEAD {
            return Err(TOO_LARGE);
        }
        if reader.fields() > MAX_FIELDS {
            return Err(TOO_MANY);
        }
        if end.is_some() {
            self.is_large = self.reader.fields() > ROOM;
            let framing = std::mem::take(&mut self.reader).framing()?;
            self.phase = self.phase_after(next(self.status, framing, self.expected.head)?)?;
        }
        Ok(end)
    }

    fn phase_after(&mut self, next: Next) -> Result<Phase, Fault> {
        Ok(match next {
            Next::Another if self.interim == MAX_INTERIM => return Err(FLOOD),
            Next::Another => {
                self.interim += 1;
                Phase::Head
            }
            Next::Switch if self.expected.upgrade => Phase::Open,
            Next::Switch => return Err(SWITCH),
            Next::Body(Framing::Length(0)) => Phase::Idle,
            Next::Body(Framing::Length(length)) => Phase::Body(length),
            Next::Body(Framing::Chunked) => Phase::Chunks(Chunked::default()),
            Next::UntilClose => Phase::Open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper would see of the response to a request, sent in parts of `size`, and why there is no more of it.
    fn seen(bytes: &[u8], size: usize, expected: Expected) -> (Vec<u8>, Option<Fault>) {
        let mut guard = ResponseGuard::new();
        guard.expect(expected);
        let mut seen = Vec::new();
        for part in bytes.chunks(size) {
            match guard.check(part) {
                Verdict::Pass(passing) => seen.extend_from_slice(&part[..passing]),
                Verdict::Instead(bytes) => seen.extend(bytes),
            }
        }
        (seen, guard.fault())
    }

    const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nH\n\nT";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n";

    #[test]
    fn a_sound_response_passes_unchanged_however_it_is_cut_and_nothing_passes_behind_it() {
        for response in [PLAIN, CHUNKED, b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"] {
            let response = [HINTS, response].concat();
            for size in 1..=response.len() {
                assert_eq!(seen(&response, size, Expected::default()), (response.clone(), None), "in parts of {size}");
                let poisoned = [&response, PLAIN].concat();
                assert_eq!(seen(&poisoned, size, Expected::default()), (response.clone(), Some(UNSOLICITED)));
            }
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
        let expected = Expected { head: true, upgrade: false };
        assert_eq!(seen(PLAIN, 100, expected), (head.to_vec(), Some(UNSOLICITED)));
    }

    #[test]
    fn nothing_passes_that_was_not_asked_for() {
        let mut guard = ResponseGuard::new();
        assert_eq!(guard.check(PLAIN), Verdict::Pass(0));
        assert_eq!(guard.fault(), Some(UNSOLICITED));
        guard.expect(Expected::default());
        assert_eq!(guard.check(PLAIN), Verdict::Pass(0));
    }

    #[test]
    fn of_an_unsound_head_the_parser_sees_nothing() {
        let bad: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"hello\r\n\r\n",
        ];
        for bad in bad {
            let bytes = [HINTS, bad].concat();
            for size in 1..=bytes.len() {
                let (seen, fault) = seen(&bytes, size, Expected::default());
                assert_eq!(seen, HINTS, "{bad:?} in parts of {size}");
                assert!(fault.is_some_and(|fault| fault != UNSOLICITED), "{bad:?} in parts of {size}: {fault:?}");
            }
        }
        let flood = HINTS.repeat(40);
        assert_eq!(seen(&flood, 4096, Expected::default()), (HINTS.repeat(32), Some(FLOOD)));
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 70_000]].concat();
        assert_eq!(seen(&endless, 4096, Expected::default()), (Vec::new(), Some(TOO_LARGE)));
    }

    #[test]
    fn a_broken_first_chunk_takes_its_head_along() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\nx";
        assert!(seen(bytes, bytes.len(), Expected::default()).0.is_empty());
        let (head, _) = bytes.split_at(47);
        assert_eq!(seen(bytes, 47, Expected::default()).0, [head, b"3\r\nabc"].concat());
    }

    #[test]
    fn a_switch_that_was_asked_for_opens_the_connection() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi";
        let expected = Expected { head: false, upgrade: true };
        for size in 1..=bytes.len() {
            assert_eq!(seen(bytes, size, expected), (bytes.to_vec(), None));
        }
    }
}
