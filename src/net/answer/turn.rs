//! Whose turn it is on a connection to an upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http::{HeaderMap, Method, header};

const ASKED: u8 = 1;
const HEAD: u8 = 2;
const UPGRADE: u8 = 4;
const SPOILT: u8 = 8;
const UNASKED: u8 = 16;

/// What the one who sends a request and the connection's stream tell each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn(Arc<AtomicU8>);

/// What of a request says how its answer is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The answer has no body, whatever its head says.
    pub(super) head: bool,
    /// The answer may switch protocols.
    pub(super) upgrade: bool,
}

impl Turn {
    /// Announces the request that is sent next.
    pub(crate) fn ask(&self, method: &Method, fields: &HeaderMap) {
        let head = if *method == Method::HEAD { HEAD } else { 0 };
        let upgrade = if fields.contains_key(header::UPGRADE) { UPGRADE } else { 0 };
        self.0.fetch_or(ASKED | head | upgrade, Ordering::AcqRel);
    }

    /// Whether the connection must not be used again.
    pub(crate) fn is_spoilt(&self) -> bool {
        self.0.load(Ordering::Acquire) & SPOILT != 0
    }

    /// Whether bytes came that nobody had asked for.
    pub(crate) fn heard_unasked(&self) -> bool {
        self.0.load(Ordering::Acquire) & UNASKED != 0
    }

    /// Whether a request was announced of which nothing is written yet.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire) & ASKED != 0
    }

    /// The request that was announced, now that it begins to be written.
    pub(super) fn begin(&self) -> Option<Asked> {
        let flags = self.0.fetch_and(!(ASKED | HEAD | UPGRADE), Ordering::AcqRel);
        let asked = Asked { head: flags & HEAD != 0, upgrade: flags & UPGRADE != 0 };
        (flags & ASKED != 0).then_some(asked)
    }

    pub(super) fn spoil(&self) {
        self.0.fetch_or(SPOILT, Ordering::AcqRel);
    }

    pub(super) fn hear_unasked(&self) {
        self.0.fetch_or(SPOILT | UNASKED, Ordering::AcqRel);
    }
}
