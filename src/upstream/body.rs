//! A response's body, which gives its connection back when it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::Protocol;
use super::caller::User;
use super::endpoint::{Endpoint, InFlight};
use super::pool::Lease;
use mfa_gateway_wire::{BoxError, StallTimeout, check_end};

/// How much of a body is read ahead.
const MOST_AHEAD: usize = 64 << 10;

/// The body of a response. Dropped before its end, it closes an HTTP/1.1 connection, since what is left of the response
/// must not become the next one's. Without a lease it is not given back at all.
pub(super) struct AnswerBody {
    inner: StallTimeout<Incoming>,
    protocol: Protocol,
    /// What was read ahead.
    ahead: VecDeque<Frame<Bytes>>,
    /// An error that waits until what came before it is written.
    failed: Option<BoxError>,
    lease: Option<(Arc<Endpoint>, Lease, User)>,
    in_flight: InFlight,
}

impl AnswerBody {
    pub(super) fn new(
        inner: StallTimeout<Incoming>,
        protocol: Protocol,
        lease: Option<(Arc<Endpoint>, Lease, User)>,
        in_flight: InFlight,
    ) -> Self {
        let mut body = Self { inner, protocol, ahead: VecDeque::new(), failed: None, lease, in_flight };
        if body.inner.is_end_stream() {
            body.give_back();
        }
        body
    }

    /// Reads what of the body came along with its head.
    ///
    /// # Errors
    ///
    /// If that breaks off or isn't sound. Nothing of the response has gone to the client yet.
    pub(super) fn read_ahead(&mut self) -> Result<(), BoxError> {
        let mut context = Context::from_waker(Waker::noop());
        let mut room = MOST_AHEAD;
        while room > 0 {
            match self.poll_inner(&mut context) {
                Poll::Ready(Some(Ok(frame))) => {
                    room = room.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                    self.ahead.push_back(frame);
                }
                Poll::Ready(Some(Err(error))) => {
                    self.in_flight.broke_off(&*error);
                    return Err(error);
                }
                Poll::Pending | Poll::Ready(None) => break,
            }
        }
        Ok(())
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            None if self.protocol == Protocol::Http2 => check_end(&self.inner).err().map(|error| Err(error.into())),
            frame => frame,
        };
        if frame.is_none() || self.inner.is_end_stream() {
            self.give_back();
        }
        Poll::Ready(frame)
    }

    fn give_back(&mut self) {
        if let Some((endpoint, lease, user)) = self.lease.take() {
            endpoint.pool().put(lease, user);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(self.poll_inner(cx)) {
            Some(Err(error)) => {
                self.in_flight.broke_off(&*error);
                // hyper drops what it hasn't written when a body fails: the client would get no response at all. It
                // writes while it waits.
                self.failed = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.inner.size_hint();
        let ahead = self.ahead.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum::<u64>();
        rest.exact().map_or(rest, |rest| SizeHint::with_exact(rest + ahead))
    }
}
