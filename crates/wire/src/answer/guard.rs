//! Follows what an upstream sends over HTTP/1.1, from head to head.
//!
//! A head is held back until it is whole and was checked; bodies pass as they come.

use super::super::chunked::Chunked;
use super::super::head::{Fault, Framing, HeadReader};
use super::head::{Then, check_status_line, then};
use super::turn::Asked;

/// The largest head of an answer, and the most interim answers before it.
const MAX_HEAD: usize = 64 << 10;
const MAX_INTERIM: u8 = 32;

pub(super) const UNASKED: Fault = "Bytes came that are not part of an answer (RFC 9112 section 9.2).";
const TOO_LARGE: Fault = "The head of the answer is larger than 64 KiB.";
const FLOOD: Fault = "There are more than 32 interim answers.";
const SWITCH: Fault = "The protocol was switched, and nobody asked for that (RFC 9110 section 7.8).";

/// Follows the bytes of a connection.
#[derive(Debug)]
pub(super) struct AnswerGuard {
    phase: Phase,
    asked: Asked,
    interim: u8,
    /// The heads of interim answers that the client may get.
    passed_on: Vec<Vec<u8>>,
    /// A head that isn't whole yet.
    held: Vec<u8>,
    reader: HeadReader,
    /// The status of the answer whose head is read.
    status: u16,
}

#[derive(Debug)]
enum Phase {
    /// Nothing is asked.
    Idle,
    Head,
    Body(u64),
    Chunks(Chunked),
    /// Whatever comes is part of the answer, or of the protocol that was switched to.
    Open,
    Broken(Fault),
}

/// What is to become of bytes that came. What doesn't pass is held, or dropped if the guard is broken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// So many of them pass, from their beginning.
    Pass(usize),
    /// These pass instead.
    Instead(Vec<u8>),
}

impl AnswerGuard {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Idle,
            asked: Asked::default(),
            interim: 0,
            passed_on: Vec::new(),
            held: Vec::new(),
            reader: HeadReader::default(),
            status: 0,
        }
    }

    /// Whether the last answer has ended.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// Whether an end now would cut a head.
    pub(super) fn is_amid_head(&self) -> bool {
        !self.held.is_empty()
    }

    /// Why nothing passes any more.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.phase {
            Phase::Broken(fault) => Some(fault),
            _ => None,
        }
    }

    /// Waits for the answer to a request.
    pub(super) fn expect(&mut self, asked: Asked) {
        if self.is_idle() {
            (self.phase, self.asked, self.interim) = (Phase::Head, asked, 0);
        }
    }

    /// The heads of interim answers that came since this was asked last.
    pub(super) fn take_interim(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.passed_on)
    }

    /// Judges the next bytes.
    pub(super) fn judge(&mut self, new: &[u8]) -> Verdict {
        if self.held.is_empty() {
            let passing = self.follow(new);
            self.hold(&new[passing..]);
            return Verdict::Pass(passing);
        }
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(new);
        let passing = self.follow(&bytes);
        self.hold(&bytes[passing..]);
        bytes.truncate(passing);
        Verdict::Instead(bytes)
    }

    fn hold(&mut self, rest: &[u8]) {
        if self.fault().is_none() {
            self.held.extend_from_slice(rest);
        }
    }

    /// Follows the bytes through heads and bodies, and tells how many of them may pass.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        let mut head_at = None;
        while at < bytes.len() {
            match &mut self.phase {
                Phase::Head => match self.follow_head(&bytes[at..]) {
                    Ok(Some(length)) => {
                        // 100 is the gateway's own to send.
                        if matches!(self.phase, Phase::Head) && self.status > 100 {
                            self.passed_on.push(bytes[at..at + length].to_vec());
                        }
                        head_at = Some(at);
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
                        // Without its head the answer hasn't begun yet, and the client can be told.
                        return head_at.unwrap_or(at + length);
                    }
                },
                Phase::Open => return bytes.len(),
                Phase::Idle => {
                    self.phase = Phase::Broken(UNASKED);
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
        if end.is_some() {
            let framing = std::mem::take(&mut self.reader).framing()?;
            self.phase = self.behind(then(self.status, framing, self.asked.head)?)?;
        }
        Ok(end)
    }

    fn behind(&mut self, then: Then) -> Result<Phase, Fault> {
        Ok(match then {
            Then::Another if self.interim == MAX_INTERIM => return Err(FLOOD),
            Then::Another => {
                self.interim += 1;
                Phase::Head
            }
            Then::Switch if self.asked.upgrade => Phase::Open,
            Then::Switch => return Err(SWITCH),
            Then::Body(Framing::Length(0)) => Phase::Idle,
            Then::Body(Framing::Length(length)) => Phase::Body(length),
            Then::Body(Framing::Chunked) => Phase::Chunks(Chunked::default()),
            Then::UntilClose => Phase::Open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the parser would see of the answer to a request, sent in parts of `size`, and why there is no more of it.
    fn seen(bytes: &[u8], size: usize, asked: Asked) -> (Vec<u8>, Option<Fault>) {
        let mut guard = AnswerGuard::new();
        guard.expect(asked);
        let mut seen = Vec::new();
        for part in bytes.chunks(size) {
            match guard.judge(part) {
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
    fn a_sound_answer_passes_unchanged_however_it_is_cut_and_nothing_passes_behind_it() {
        for answer in [PLAIN, CHUNKED, b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"] {
            let answer = [HINTS, answer].concat();
            for size in 1..=answer.len() {
                assert_eq!(seen(&answer, size, Asked::default()), (answer.clone(), None), "in parts of {size}");
                let poisoned = [&answer, PLAIN].concat();
                assert_eq!(seen(&poisoned, size, Asked::default()), (answer.clone(), Some(UNASKED)));
            }
        }
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
        let asked = Asked { head: true, upgrade: false };
        assert_eq!(seen(PLAIN, 100, asked), (head.to_vec(), Some(UNASKED)));
    }

    #[test]
    fn nothing_passes_that_was_not_asked_for() {
        let mut guard = AnswerGuard::new();
        assert_eq!(guard.judge(PLAIN), Verdict::Pass(0));
        assert_eq!(guard.fault(), Some(UNASKED));
        guard.expect(Asked::default());
        assert_eq!(guard.judge(PLAIN), Verdict::Pass(0));
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
                let (seen, fault) = seen(&bytes, size, Asked::default());
                assert_eq!(seen, HINTS, "{bad:?} in parts of {size}");
                assert!(fault.is_some_and(|fault| fault != UNASKED), "{bad:?} in parts of {size}: {fault:?}");
            }
        }
        let flood = HINTS.repeat(40);
        assert_eq!(seen(&flood, 4096, Asked::default()), (HINTS.repeat(32), Some(FLOOD)));
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 70_000]].concat();
        assert_eq!(seen(&endless, 4096, Asked::default()), (Vec::new(), Some(TOO_LARGE)));
    }

    #[test]
    fn a_broken_first_chunk_takes_its_head_along() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\nx";
        assert!(seen(bytes, bytes.len(), Asked::default()).0.is_empty());
        let (head, _) = bytes.split_at(47);
        assert_eq!(seen(bytes, 47, Asked::default()).0, [head, b"3\r\nabc"].concat());
    }

    #[test]
    fn a_switch_that_was_asked_for_opens_the_connection() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi";
        let asked = Asked { head: false, upgrade: true };
        for size in 1..=bytes.len() {
            assert_eq!(seen(bytes, size, asked), (bytes.to_vec(), None));
        }
    }
}
