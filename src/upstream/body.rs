//! A response's body, which gives its connection back when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::endpoint::{Endpoint, InFlight};
use super::pool::{Caller, Lease};

/// The body of a response. Dropped before its end, it closes an HTTP/1.1 connection, since what is left of the response
/// must not become the next one's. Without a lease it is not given back at all.
pub(super) struct AnswerBody {
    incoming: Incoming,
    lease: Option<(Arc<Endpoint>, Lease, Caller)>,
    in_flight: InFlight,
}

impl AnswerBody {
    pub(super) fn new(incoming: Incoming, lease: Option<(Arc<Endpoint>, Lease, Caller)>, in_flight: InFlight) -> Self {
        let mut body = Self { incoming, lease, in_flight };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        if let Some((endpoint, lease, caller)) = self.lease.take() {
            endpoint.pool().put(lease, caller);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        if let Some(Err(error)) = &frame {
            self.in_flight.broke_off(error);
        }
        if frame.is_none() || self.incoming.is_end_stream() {
            self.give_back();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
