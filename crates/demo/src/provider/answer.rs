//! The few kinds of response that the demo's services give.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use serde_json::{Value, json};
use url::Url;

/// A response.
pub(crate) type Answer = Response<Content>;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it at once.
    Whole(Full<Bytes>),
    /// Blanks, as many as the client takes.
    Endless,
    /// Nothing, and no end.
    Stalled,
}

/// What an endless body sends at once.
const BLANKS: Bytes = Bytes::from_static(&[b' '; 16 * 1024]);

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(BLANKS)))),
            Self::Stalled => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Endless | Self::Stalled => SizeHint::new(),
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

/// A response of these bytes.
pub(crate) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Content::Whole(Full::new(body.into())));
    *answer.status_mut() = status;
    with_header(answer, CONTENT_TYPE, content_type)
}

/// A JSON response, laid out for people who read it in a terminal.
pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    bytes(status, "application/json", format!("{value:#}\n"))
}

/// A redirect that is always followed with `GET` (RFC 9700 §4.12) and kept by nobody.
pub(crate) fn see_other(location: &Url) -> Answer {
    let mut answer = Response::new(Content::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    // A serialised URL is ASCII without control characters, so this conversion holds.
    if let Ok(location) = HeaderValue::from_str(location.as_str()) {
        answer.headers_mut().insert(LOCATION, location);
    }
    with_header(answer, CACHE_CONTROL, "no-store")
}

/// 404: there is nothing here.
pub(crate) fn not_found() -> Answer {
    json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }))
}

/// 405, naming the methods that are allowed.
pub(crate) fn method_not_allowed(allow: &'static str) -> Answer {
    let answer = json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "method_not_allowed" }));
    with_header(answer, ALLOW, allow)
}

/// The same response with one more header.
pub(crate) fn with_header(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
