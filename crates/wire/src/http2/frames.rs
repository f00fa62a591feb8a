//! Frames of HTTP/2 (RFC 9113 section 4.1), found in the bytes of one direction of a connection.

/// The length of a frame's head.
pub(super) const HEAD: usize = 9;

/// The largest payload that is collected: the largest frame of a peer that got no other setting.
pub(super) const MAX_PAYLOAD: usize = 16 << 10;

/// The kinds of frames that matter here.
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// The head of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Frame {
    pub(super) fn read(head: [u8; HEAD]) -> Self {
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = head;
        Self {
            length: usize::from(l1) << 16 | usize::from(l2) << 8 | usize::from(l3),
            kind,
            flags,
            stream: u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]),
        }
    }

    /// Whether the frame is the last of its stream in its direction.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }

    /// Whether the payload matters, and is collected.
    fn is_collected(self) -> bool {
        matches!(self.kind, kind::SETTINGS | kind::WINDOW_UPDATE) && (1..=MAX_PAYLOAD).contains(&self.length)
    }
}

/// Finds the frames in the bytes of one direction.
#[derive(Debug)]
pub(super) struct Frames {
    /// How much of the preface is still to come.
    preface: usize,
    head: [u8; HEAD],
    filled: usize,
    frame: Frame,
    /// How much of the frame's payload is still to come.
    left: usize,
    payload: Vec<u8>,
    /// Whether a field section continues in the next frame.
    unfinished: bool,
}

impl Frames {
    pub(super) fn after(preface: usize) -> Self {
        Self {
            preface,
            head: [0; HEAD],
            filled: 0,
            frame: Frame::default(),
            left: 0,
            payload: Vec::new(),
            unfinished: false,
        }
    }

    /// Whether a frame of our own may be put in here.
    pub(super) fn is_between(&self) -> bool {
        self.preface == 0 && self.filled == 0 && self.left == 0 && !self.unfinished
    }

    /// Calls `each` for every frame: as soon as its head is whole, or with its payload if that is collected.
    pub(super) fn follow(&mut self, bytes: &[u8], mut each: impl FnMut(Frame, &[u8])) {
        let (preface, mut bytes) = bytes.split_at(self.preface.min(bytes.len()));
        self.preface -= preface.len();
        while !bytes.is_empty() {
            if self.left == 0 {
                let (part, rest) = bytes.split_at(bytes.len().min(HEAD - self.filled));
                self.head[self.filled..self.filled + part.len()].copy_from_slice(part);
                (self.filled, bytes) = (self.filled + part.len(), rest);
                if self.filled == HEAD {
                    self.begin(&mut each);
                }
                continue;
            }
            let (part, rest) = bytes.split_at(bytes.len().min(self.left));
            (self.left, bytes) = (self.left - part.len(), rest);
            if self.frame.is_collected() {
                self.payload.extend_from_slice(part);
                if self.left == 0 {
                    each(self.frame, &self.payload);
                }
            }
        }
    }

    fn begin(&mut self, each: &mut impl FnMut(Frame, &[u8])) {
        self.filled = 0;
        self.payload.clear();
        self.frame = Frame::read(self.head);
        self.left = self.frame.length;
        if matches!(self.frame.kind, kind::HEADERS | kind::CONTINUATION) {
            self.unfinished = self.frame.flags & END_HEADERS == 0;
        }
        if !self.frame.is_collected() {
            each(self.frame, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A preface of three bytes and four frames.
    const BYTES: &[u8] = b"PRI\
        \x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x05\
        \x00\x00\x02\x01\x01\x00\x00\x00\x01hd\
        \x00\x00\x01\x09\x04\x00\x00\x00\x01r\
        \x00\x00\x04\x08\x00\x80\x00\x00\x01\x00\x00\x00\x07";

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        for size in 1..=BYTES.len() {
            let mut frames = Frames::after(3);
            let mut found = Vec::new();
            let mut between = 0;
            for part in BYTES.chunks(size) {
                frames.follow(part, |frame, payload| {
                    found.push((frame.kind, frame.stream, frame.ends_stream(), payload.to_vec()));
                });
                between += usize::from(frames.is_between());
            }
            let settings = (kind::SETTINGS, 0, false, vec![0, 4, 0, 0, 0, 5]);
            let update = (kind::WINDOW_UPDATE, 1, false, vec![0, 0, 0, 7]);
            let (headers, rest) = ((kind::HEADERS, 1, true, vec![]), (kind::CONTINUATION, 1, false, vec![]));
            assert_eq!(found, [settings, headers, rest, update], "in parts of {size}");
            if size == 1 {
                assert_eq!(between, 4, "before the first frame, and after each but the unfinished one");
            }
        }
    }
}
