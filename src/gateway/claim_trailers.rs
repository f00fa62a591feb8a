//! Trailer fields that stop here because they are spelled like a field with a claim.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderName;
use http_body::{Frame, SizeHint};
use mfa_gateway_wire::{Body, BoxError, headers};

/// A request's body without trailer fields of these names, in whatever spelling. Its length stays known.
struct Cleaned {
    inner: Body,
    names: Vec<HeaderName>,
}

/// Removes trailer fields of these names from a request's body.
pub(super) fn remove(body: Body, names: &[HeaderName]) -> Body {
    Body::new(Cleaned { inner: body, names: names.to_vec() })
}

impl http_body::Body for Cleaned {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { inner, names } = &mut *self;
        Pin::new(inner).poll_frame(cx).map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                headers::remove_spellings(trailers, names);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
