//! How far a request's body has come on its way to the upstream.

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use http_body::Frame;

use super::content::BoxError;

/// How far a request's body came, as the body that hyper's client sends sees it. The error of a request that failed
/// doesn't say whether client or upstream is at fault, nor which of them is due.
#[derive(Debug, Default)]
pub struct Upload {
    /// How many frames were taken.
    taken: AtomicUsize,
    progress: AtomicU8,
}

/// What the body gave when it was last polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Progress {
    /// A frame, if it was polled at all.
    Taken,
    /// Nothing: the upstream would take more, and the client hasn't sent it.
    Waiting,
    /// Its last frame.
    Ended,
    /// An error: the body broke off, stood still, or is too long.
    Cut,
    /// An error of its framing.
    Malformed,
}

impl From<u8> for Progress {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::Taken,
            1 => Self::Waiting,
            2 => Self::Ended,
            3 => Self::Cut,
            _ => Self::Malformed,
        }
    }
}

/// Why the client's body ended early.
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
        self.progress() == Progress::Ended
    }

    /// How the body failed. That is the client's fault, and not the upstream's.
    pub fn fault(&self) -> Option<UploadFault> {
        match self.progress() {
            Progress::Malformed => Some(UploadFault::Malformed),
            Progress::Cut => Some(UploadFault::Cut),
            _ => None,
        }
    }

    /// Whether the upstream keeps up: it took more of the body since `taken` was set, or it waits for the client. Sets
    /// `taken`.
    pub fn upstream_keeps_up(&self, taken: &mut usize) -> bool {
        let now = self.taken.load(Ordering::Acquire);
        std::mem::replace(taken, now) != now || self.progress() == Progress::Waiting
    }

    /// Notes what the body gave. `ended` is whether that was its last frame.
    pub(super) fn note(&self, polled: &Poll<Option<Result<Frame<Bytes>, BoxError>>>, ended: bool) {
        let progress = match polled {
            Poll::Pending => Progress::Waiting,
            Poll::Ready(Some(Ok(_))) if !ended => Progress::Taken,
            Poll::Ready(None | Some(Ok(_))) => Progress::Ended,
            Poll::Ready(Some(Err(error))) if is_malformed(&**error) => Progress::Malformed,
            Poll::Ready(Some(Err(_))) => Progress::Cut,
        };
        self.progress.store(progress as u8, Ordering::Release);
        if polled.is_ready() {
            self.taken.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn progress(&self) -> Progress {
        self.progress.load(Ordering::Acquire).into()
    }
}

/// Whether an error says that the body was malformed, rather than slow or cut short.
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
        assert!(!upload.upstream_keeps_up(&mut taken), "it has asked for nothing yet");
        upload.note(&Poll::Pending, false);
        assert!(upload.upstream_keeps_up(&mut taken) && upload.upstream_keeps_up(&mut taken), "the client is due");
        upload.note(&data(), false);
        assert!(upload.upstream_keeps_up(&mut taken), "it took something");
        assert!(!upload.upstream_keeps_up(&mut taken), "and nothing since");
        upload.note(&data(), true);
        assert!(upload.has_ended() && upload.upstream_keeps_up(&mut taken));
        assert!(!upload.upstream_keeps_up(&mut taken));
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
