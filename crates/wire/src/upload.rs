//! How far a request's body is on its way to the upstream.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http_body::Frame;

use super::BoxError;

/// The whole body was taken.
const ENDED: u8 = 1;
/// The upstream would take more, and the client hasn't sent it.
const WAITING: u8 = 2;
/// The client's body failed,
const FAILED: u8 = 4;
/// because of its framing.
const MALFORMED: u8 = 8;

/// What became of a request's body, as seen by the one that hands it on: whoever waits for the answer can't tell from the
/// exchange's error whose fault it was, and whose turn it is.
#[derive(Debug, Default)]
pub struct Upload {
    taken: AtomicUsize,
    state: AtomicU8,
}

/// Why the client's body ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadFault {
    /// It broke off, stood still, or is too long.
    Cut,
    /// Its framing is broken.
    Malformed,
}

impl Upload {
    /// Whether the whole body was taken.
    pub fn has_ended(&self) -> bool {
        self.has(ENDED)
    }

    /// Whether the body failed, which is the client's doing, and not the upstream's.
    pub fn fault(&self) -> Option<UploadFault> {
        match self.has(FAILED) {
            true if self.has(MALFORMED) => Some(UploadFault::Malformed),
            true => Some(UploadFault::Cut),
            false => None,
        }
    }

    /// Whether the upstream has nothing to answer for: it took more of the body since `taken` was noted, or would, and the
    /// client is due.
    pub fn goes_on(&self, taken: &mut usize) -> bool {
        let now = self.taken.load(Ordering::Acquire);
        std::mem::replace(taken, now) != now || self.has(WAITING)
    }

    /// Notes what the body gave to whoever sends it; `ended` if that was the last of it.
    pub(super) fn note(&self, polled: &Poll<Option<Result<Frame<Bytes>, BoxError>>>, ended: bool) {
        let state = match polled {
            Poll::Pending => WAITING,
            Poll::Ready(Some(Ok(_))) if !ended => 0,
            Poll::Ready(None | Some(Ok(_))) => ENDED,
            Poll::Ready(Some(Err(error))) if is_malformed(&**error) => FAILED | MALFORMED,
            Poll::Ready(Some(Err(_))) => FAILED,
        };
        self.state.store(state, Ordering::Release);
        if polled.is_ready() {
            self.taken.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.state.load(Ordering::Acquire) & flag != 0
    }
}

/// Whether a body's error says that it was malformed, rather than slow or cut short.
fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"a")))))
    }

    fn failed(kind: io::ErrorKind) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err(io::Error::from(kind).into())))
    }

    #[test]
    fn it_is_the_upstreams_turn_when_it_takes_nothing_that_is_there() {
        let (upload, mut taken) = (Upload::default(), 0);
        assert!(!upload.goes_on(&mut taken), "it has asked for nothing yet");
        upload.note(&Poll::Pending, false);
        assert!(upload.goes_on(&mut taken) && upload.goes_on(&mut taken), "the client is due");
        upload.note(&data(), false);
        assert!(upload.goes_on(&mut taken), "it took something");
        assert!(!upload.goes_on(&mut taken), "and nothing since");
        upload.note(&data(), true);
        assert!(upload.has_ended() && upload.goes_on(&mut taken));
        assert!(!upload.goes_on(&mut taken));
        assert_eq!(upload.fault(), None);
    }

    #[test]
    fn a_failure_is_the_clients() {
        for (kind, fault) in
            [(io::ErrorKind::UnexpectedEof, UploadFault::Cut), (io::ErrorKind::InvalidData, UploadFault::Malformed)]
        {
            let upload = Upload::default();
            upload.note(&failed(kind), false);
            assert_eq!((upload.fault(), upload.has_ended()), (Some(fault), false));
        }
    }
}
