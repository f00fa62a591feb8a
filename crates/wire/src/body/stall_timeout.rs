//! A limit on the time in which a body makes no progress.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::content::BoxError;
use super::upload::Upload;

/// The body made no progress for too long.
#[derive(Debug, thiserror::Error)]
#[error("the body made no progress for {0:?}")]
pub(crate) struct Stalled(Duration);

/// Ends a body with an error when its sender makes no progress, and cleans its trailer section.
///
/// Time counts only while data is asked for: a slow receiver doesn't count against the sender.
#[derive(Debug)]
pub struct StallTimeout<B> {
    inner: B,
    limit: Duration,
    clean_trailers: fn(&mut HeaderMap) -> io::Result<()>,
    upload: Option<Arc<Upload>>,
    waiting: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl<B> StallTimeout<B> {
    /// Lets the sender of `inner` take `limit` between two frames. `clean_trailers` removes the fields that may not
    /// stand in a trailer section.
    pub fn new(inner: B, limit: Duration, clean_trailers: fn(&mut HeaderMap) -> io::Result<()>) -> Self {
        Self { inner, limit, clean_trailers, upload: None, waiting: None, armed: false }
    }

    /// Reports the progress of the body to `upload`.
    #[must_use]
    pub fn reporting_to(self, upload: Arc<Upload>) -> Self {
        Self { upload: Some(upload), ..self }
    }

    /// Ready when nothing has come for the limit.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Stalled> {
        let deadline = Instant::now() + self.limit;
        let sleep = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.armed {
            self.armed = true;
            sleep.as_mut().reset(deadline);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Stalled(self.limit))
    }
}

impl<B> StallTimeout<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            return self.poll_stalled(cx).map(|stalled| Some(Err(stalled.into())));
        };
        self.armed = false;
        Poll::Ready(frame.map(|frame| {
            let mut frame = frame.map_err(Into::into)?;
            if let Some(trailers) = frame.trailers_mut() {
                (self.clean_trailers)(trailers)?;
            }
            Ok(frame)
        }))
    }
}

impl<B> Body for StallTimeout<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.poll_inner(cx);
        if let Some(upload) = &self.upload {
            upload.note(&polled, self.inner.is_end_stream());
        }
        polled
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

    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_ends_with_an_error() {
        let start = Instant::now();
        let mut body = StallTimeout::new(Never, Duration::from_secs(5), |_| Ok(()));
        assert!(body.frame().await.unwrap().is_err());
        assert_eq!(start.elapsed().as_secs(), 5);
    }
}
