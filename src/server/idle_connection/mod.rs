//! Idle HTTP/1.1 connections.
//!
//! hyper keeps two buffers of 8 KiB for each HTTP/1.1 connection, and room for a whole request, even while no request
//! comes. Most kept-alive connections are idle most of the time. So a connection on which nothing happens for a moment
//! is taken apart until something does. What is left is the socket, and what is known about the client.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Parts, UpgradeableConnection};
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use mfa_gateway_wire::{Body, ClientStream, Handle, LazyTimer};

/// How long nothing happens before a connection rests. A busy connection never pauses for so long.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a connection that should end waits for one more request. A client may have sent it already, and most
/// clients don't send a request again that a closed connection may have taken.
const PARTING: Duration = Duration::from_secs(1);

/// The longest time until the next look at whether a long response has ended.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// An HTTP/1.1 connection that is served, and rests while it is idle.
pub(super) struct IdleConnection<S: HttpService<Incoming, ResBody = Body>> {
    builder: Box<Builder>,
    state: State<S>,
    requests: Arc<AtomicU64>,
    handle: Handle,
    /// How many requests there were at the last look, when the next look is, and how long to wait after that.
    seen: u64,
    look: LazyTimer,
    pause: Duration,
    /// Once the connection should end: when it does, if no request comes.
    parting: Option<LazyTimer>,
}

enum State<S: HttpService<Incoming, ResBody = Body>> {
    Awake(Box<UpgradeableConnection<TokioIo<ClientStream>, S>>),
    Idle(Box<(ClientStream, S)>),
    Gone,
}

impl<S> IdleConnection<S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// `requests` counts those of `service`.
    pub(super) fn new(builder: Builder, stream: ClientStream, service: S, requests: Arc<AtomicU64>) -> Self {
        let handle = stream.handle();
        let state = State::Idle(Box::new((stream, service)));
        let (builder, look) = (Box::new(builder), LazyTimer::default());
        let mut idle = Self { builder, state, requests, handle, seen: 0, look, pause: PAUSE, parting: None };
        idle.wake();
        idle
    }

    /// Asks the connection to finish. From now on responses say that they are the last, and without a request it ends
    /// soon.
    pub(super) fn finish(&mut self) {
        self.wake();
        self.handle.leave();
        let mut parting = LazyTimer::default();
        parting.set(Instant::now() + PARTING);
        self.parting = Some(parting);
    }

    fn wake(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Idle(parts) => {
                let (stream, service) = *parts;
                let connection = self.builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
                State::Awake(Box::new(connection))
            }
            other => other,
        };
        self.pause = PAUSE;
        self.look.set(Instant::now() + PAUSE);
    }

    /// Ready once no request has come for a while: a pause, or up to two.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let requests = self.requests.load(Ordering::Relaxed);
            // The clock isn't read for every request: most of the time the next look is near.
            if requests == self.seen || self.pause == PAUSE {
                ready!(self.look.poll_passed(cx));
                if requests == self.seen {
                    return Poll::Ready(());
                }
            }
            (self.seen, self.pause) = (requests, PAUSE);
            self.look.set(Instant::now() + PAUSE);
        }
    }

    /// Lets the connection rest, if nothing is under way before and after it read all that came. `Ready` if it ended.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let State::Awake(connection) = &mut self.state else { return Poll::Pending };
        if self.handle.is_at_rest() {
            if let Poll::Ready(result) = Pin::new(&mut **connection).poll(cx) {
                return Poll::Ready(result);
            }
            if self.handle.is_at_rest() && self.requests.load(Ordering::Relaxed) == self.seen {
                self.take_apart();
                return Poll::Pending;
            }
        }
        self.pause = (self.pause * 2).min(LONG_PAUSE);
        self.look.set(Instant::now() + self.pause);
        Poll::Pending
    }

    /// Takes the connection apart. Bytes that hyper has read and not used would be lost, and what follows misread. With
    /// such bytes the connection ends, though there can't be any at rest.
    fn take_apart(&mut self) {
        let State::Awake(connection) = std::mem::replace(&mut self.state, State::Gone) else { return };
        if let Some(Parts { io, read_buf, service, .. }) = connection.into_parts()
            && read_buf.is_empty()
        {
            self.state = State::Idle(Box::new((io.into_inner(), service)));
        }
    }
}

impl<S> Future for IdleConnection<S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Awake(connection) => {
                    if let Poll::Ready(result) = Pin::new(&mut **connection).poll(cx) {
                        return Poll::Ready(result);
                    }
                    if let Some(parting) = &mut this.parting {
                        ready!(parting.poll_passed(cx));
                        parting.clear();
                        Pin::new(&mut **connection).graceful_shutdown();
                        continue;
                    }
                    ready!(this.poll_pause(cx));
                    if let Poll::Ready(result) = this.poll_rest(cx) {
                        return Poll::Ready(result);
                    }
                }
                State::Idle(parts) => {
                    ready!(parts.0.poll_activity(cx));
                    this.wake();
                }
                State::Gone => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
