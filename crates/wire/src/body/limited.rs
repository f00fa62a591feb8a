//! A limit on a body's length.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::content::{Body, BoxError};

/// The body exceeds its limit.
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than the limit")]
pub struct TooLong;

/// Whether a body turned out to exceed its limit. Clones are about the same body.
#[derive(Clone, Debug, Default)]
pub struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    /// Whether it has done so by now.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Ends a body with an error as soon as it exceeds its limit: the upstream never receives its end.
struct LimitedBody {
    inner: Body,
    left: u64,
    exceeded: Exceeded,
}

impl Body {
    /// Limits the body to `most` bytes. Returns whether it turns out to exceed them, or `None` if its known length
    /// fits.
    ///
    /// # Errors
    ///
    /// If its known length exceeds the limit.
    pub fn limit(&mut self, most: u64) -> Result<Option<Exceeded>, TooLong> {
        let length = http_body::Body::size_hint(self);
        if length.lower() > most {
            return Err(TooLong);
        }
        // A body of known length needs no watching: HTTP ends it there.
        if length.exact().is_some() {
            return Ok(None);
        }
        let exceeded = Exceeded::default();
        let inner = std::mem::take(self);
        *self = Self::new(LimitedBody { inner, left: most, exceeded: exceeded.clone() });
        Ok(Some(exceeded))
    }
}

impl http_body::Body for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                self.exceeded.0.store(true, Ordering::Release);
                return Poll::Ready(Some(Err(TooLong.into())));
            };
            self.left = left;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_may_be_as_long_as_it_may_and_not_a_byte_longer() {
        for (most, fits) in [(5, true), (4, false)] {
            let mut body = Body::chunked("12345");
            let exceeded = body.limit(most).unwrap().unwrap();
            match body.collect().await {
                Ok(whole) => assert!(fits && whole.to_bytes() == "12345"),
                Err(error) => assert!(!fits && error.is::<TooLong>()),
            }
            assert_eq!(exceeded.is_set(), !fits);
        }
        assert!(Body::full("12345").limit(5).is_ok_and(|exceeded| exceeded.is_none()));
        assert!(Body::full("12345").limit(4).is_err());
    }
}
