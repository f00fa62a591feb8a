//! The one body type of the gateway.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use super::end::check_end;

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or a response: from a connection, or made here.
///
/// One concrete type keeps the signatures of the layers short. The common cases aren't boxed.
pub struct Body {
    inner: Inner,
    carried: Option<Box<dyn Any + Send>>,
    watch: Option<Box<dyn Watch>>,
}

/// Sees what passes of a body, and is dropped with it.
pub trait Watch: Send {
    /// Data passed.
    fn passed(&mut self, bytes: usize);

    /// The body came to its end.
    fn ended(&mut self);
}

enum Inner {
    Full(Option<Bytes>),
    Chunked(Option<Bytes>),
    Incoming(Incoming),
    /// Over HTTP/2.
    Stream(Incoming),
    Boxed(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    fn of(inner: Inner) -> Self {
        Self { inner, carried: None, watch: None }
    }

    /// Attaches `attachment` to the body, for another layer to take.
    #[must_use]
    pub fn carrying(self, attachment: impl Any + Send) -> Self {
        Self { carried: Some(Box::new(attachment)), ..self }
    }

    /// Takes what is attached to the body, if it is a `T`.
    pub fn release<T: Any>(&mut self) -> Option<Box<T>> {
        self.carried.take()?.downcast().ok()
    }

    /// Lets `watch` see what passes.
    #[must_use]
    pub fn watched(self, watch: Box<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Inner::Full(None))
    }

    /// These bytes, with `Content-Length`.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::of(Inner::Full((!bytes.is_empty()).then_some(bytes)))
    }

    /// These bytes, without `Content-Length`: over HTTP/1.1 in the chunked coding, like Partner Center's refusals.
    pub fn chunked(bytes: impl Into<Bytes>) -> Self {
        Self::of(Inner::Chunked(Some(bytes.into())))
    }

    /// The body of a request that came over HTTP/2.
    #[must_use]
    pub fn of_stream(body: Incoming) -> Self {
        Self::of(Inner::Stream(body))
    }

    /// Any other body.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::of(Inner::Boxed(body.map_err(Into::into).boxed_unsync()))
    }
}

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self::of(Inner::Incoming(body))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match &mut self.inner {
            Inner::Full(bytes) | Inner::Chunked(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Inner::Incoming(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Inner::Stream(body) => match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => Poll::Ready(check_end(body).err().map(|error| Err(error.into()))),
                frame => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            },
            Inner::Boxed(body) => Pin::new(body).poll_frame(cx),
        };
        let Poll::Ready(frame) = frame else { return Poll::Pending };
        let failed = matches!(frame, Some(Err(_)));
        let ended = !failed && (frame.is_none() || self.is_end_stream());
        if let Some(watch) = &mut self.watch {
            if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(|frame| frame.data_ref())) {
                watch.passed(data.map_or(0, Bytes::len));
            }
            if ended {
                watch.ended();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Full(bytes) | Inner::Chunked(bytes) => bytes.is_none(),
            Inner::Incoming(body) | Inner::Stream(body) => body.is_end_stream(),
            Inner::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Inner::Chunked(_) => SizeHint::default(),
            Inner::Incoming(body) | Inner::Stream(body) => body.size_hint(),
            Inner::Boxed(body) => body.size_hint(),
        }
    }
}
