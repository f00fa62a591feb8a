//! The stream of a client's connection: what it speaks, and what of it passes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::half_closed::HalfClosed;
use super::handle::Handle;
use super::idle_timeout::IdleTimeout;
use super::linger::Linger;
use crate::http1::{RequestGuard, Verdict};
use crate::http2::{FlowControl, TrailerGuard};
use crate::io::{LazyTimer, Socket, WriteTimeout};

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The limits of a client's connection.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// The most bytes in the head of an HTTP/1.1 request.
    pub max_head: usize,
    /// The most header fields in it.
    pub max_fields: usize,
    /// How long a client may take nothing of its response.
    pub write_timeout: Duration,
    /// How long a client may send no request over HTTP/1.1 after its last response has ended.
    pub idle: Duration,
    /// How long nothing may be written of a response that has begun, if its client closed its half over HTTP/1.1.
    pub half_closed: Duration,
}

/// A client's connection as hyper's server sees it.
///
/// Its first bytes are read to learn what the client speaks, and are read again by hyper.
#[derive(Debug)]
pub struct ClientStream {
    inner: Socket,
    first: [u8; PREFACE.len()],
    filled: usize,
    replayed: usize,
    /// Over HTTP/1.1, until another protocol is agreed on.
    guard: Option<RequestGuard>,
    /// Over HTTP/2.
    flow_control: Option<FlowControl>,
    trailer_guard: Option<TrailerGuard>,
    /// Bytes that hyper reads in place of those that came.
    instead: Bytes,
    /// Whether something came behind the request that passed last.
    ahead: bool,
    half_closed: Option<HalfClosed>,
    half_closed_limit: Duration,
    idle_timeout: IdleTimeout,
    written: u64,
    /// How much was written when the last request came.
    written_before: u64,
    progress: Progress,
    linger: Option<Linger>,
    write_timeout: WriteTimeout,
    hold_timer: LazyTimer,
    handle: Handle,
}

/// How far the requests that came over HTTP/1.1 got their responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Something came, and nothing was written since.
    Asked,
    /// Something was written.
    Begun,
    /// Everything that hyper had to write was written, and nothing came since.
    Settled,
}

impl ClientStream {
    /// Reads until it is clear what the client speaks. It has no deadline of its own.
    pub async fn sniff(mut inner: Socket, limits: StreamLimits) -> io::Result<(Self, Version)> {
        let mut first = [0; PREFACE.len()];
        let mut filled = 0;
        let version = loop {
            let read = inner.read(&mut first[filled..]).await?;
            filled += read;
            if first[..filled] != PREFACE[..filled] {
                break Version::Http1;
            }
            if filled == PREFACE.len() {
                break Version::Http2;
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        Ok((Self { first, filled, ..Self::new(inner, version, limits) }, version))
    }

    /// A connection whose version is known, by ALPN.
    pub fn new(inner: Socket, version: Version, limits: StreamLimits) -> Self {
        Self {
            inner,
            first: [0; PREFACE.len()],
            filled: 0,
            replayed: 0,
            guard: (version == Version::Http1).then(|| RequestGuard::new(limits.max_head, limits.max_fields)),
            flow_control: (version == Version::Http2).then(|| FlowControl::new(limits.write_timeout, PREFACE.len())),
            trailer_guard: (version == Version::Http2).then(|| TrailerGuard::of_requests(PREFACE.len())),
            instead: Bytes::new(),
            ahead: false,
            half_closed: None,
            half_closed_limit: limits.half_closed,
            idle_timeout: IdleTimeout::new(limits.idle),
            written: 0,
            written_before: 0,
            progress: Progress::Asked,
            linger: None,
            write_timeout: WriteTimeout::new(limits.write_timeout),
            hold_timer: LazyTimer::default(),
            handle: Handle::default(),
        }
    }

    /// The handle by which services reach this connection.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Reads what the client sent, beginning with the first bytes again. Reads nothing while the connection is held
    /// back.
    fn poll_read_raw(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(until) = self.handle.held_until() {
            self.hold_timer.set(until);
            ready!(self.hold_timer.poll_passed(cx));
            self.handle.read_on();
        }
        let (from, to) = (self.replayed, self.filled);
        if from < to {
            let part = (to - from).min(buf.remaining());
            buf.put_slice(&self.first[from..from + part]);
            self.replayed += part;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }

    /// Fails when no request has come for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(guard) = &self.guard else { return Poll::Pending };
        // The first head has a deadline of its own, `timeouts.header`, which is kept outside.
        let exempt = guard.heads() == 0 || self.handle.may_be_silent();
        self.idle_timeout.poll(cx, guard.heads(), exempt)
    }

    /// Ready once hyper has something to read: bytes, or that no request came for too long.
    pub fn poll_activity(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_idle(cx).is_ready() { Poll::Ready(()) } else { self.inner.poll_readable(cx) }
    }

    fn set_progress(&mut self, progress: Progress) {
        if (self.progress == Progress::Settled) != (progress == Progress::Settled) {
            self.handle.set_settled(progress == Progress::Settled);
        }
        self.progress = progress;
    }

    /// Notes that all was written. If nothing is left of any request either, the connection is settled.
    fn note_flushed(&mut self) {
        let between = self.guard.as_ref().is_some_and(RequestGuard::is_between) && self.half_closed.is_none();
        if self.progress == Progress::Begun && between && self.instead.is_empty() && self.replayed == self.filled {
            self.set_progress(Progress::Settled);
        }
    }

    /// Follows what came over HTTP/2. Returns the bytes that pass instead, if it isn't the same ones.
    fn check_frames(&mut self, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let Self { flow_control, trailer_guard, handle, .. } = self;
        let (Some(flow_control), Some(trailer_guard)) = (flow_control, trailer_guard) else { return Ok(None) };
        flow_control.note_read(bytes)?;
        handle.set_unwritten(flow_control.unwritten());
        Ok(trailer_guard.check(bytes))
    }

    /// Passes on to hyper that the client closed its half: at once, unless a whole request is in flight. Its client
    /// waits for the response, and gets it (RFC 9112 section 9.6).
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let in_flight = self.guard.as_ref().is_some_and(RequestGuard::is_between) && self.handle.is_busy();
        if !in_flight {
            return Poll::Ready(Ok(()));
        }
        let Self { half_closed, half_closed_limit, inner, handle, written, written_before, .. } = self;
        let half_closed = half_closed.get_or_insert_with(|| HalfClosed::new(*half_closed_limit, *written));
        half_closed.poll_gone(cx, inner, handle, *written, written > written_before)
    }

    /// Counts what was written of `bufs`. Fails when the client has taken nothing for too long.
    fn note_written(
        &mut self,
        written: Poll<io::Result<usize>>,
        bufs: &[io::IoSlice<'_>],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(mut count)) = written {
            self.written += count as u64;
            self.set_progress(Progress::Begun);
            if let Some(flow_control) = &mut self.flow_control {
                for buf in bufs {
                    let part = count.min(buf.len());
                    flow_control.note_written(&buf[..part], cx);
                    count -= part;
                }
                self.handle.set_unwritten(flow_control.unwritten());
            }
        }
        self.write_timeout.check(written, cx)
    }

    /// Writes the interim responses that are queued. They have the same time as any other write.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { inner, handle, write_timeout, .. } = self;
        handle.poll_interim(cx, |cx, bytes| {
            let written = Pin::new(&mut *inner).poll_write(cx, bytes);
            write_timeout.check(written, cx)
        })
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.instead.is_empty() {
                let part = self.instead.len().min(buf.remaining());
                buf.put_slice(&self.instead.split_to(part));
                return Poll::Ready(Ok(()));
            }
            if let Some(flow_control) = &mut self.flow_control
                && let Poll::Ready(frames) = flow_control.poll_stalled(cx)?
            {
                self.instead = frames.into();
                continue;
            }
            let before = buf.filled().len();
            if self.half_closed.is_none() && self.poll_read_raw(cx, buf)?.is_pending() {
                return self.poll_idle(cx);
            }
            let progress = self.progress;
            self.set_progress(Progress::Asked);
            if buf.filled().len() == before {
                return self.poll_end(cx);
            }
            if self.guard.is_some() && self.handle.note_read() {
                self.guard = None;
            }
            if let Some(instead) = self.check_frames(&buf.filled()[before..])? {
                self.instead = instead.into();
                buf.set_filled(before);
                continue;
            }
            let Some(guard) = &mut self.guard else { return Poll::Ready(Ok(())) };
            let heads = guard.heads();
            let verdict = guard.check(&buf.filled()[before..]);
            let (ahead, between, asked) = (guard.is_ahead(), guard.is_between(), guard.heads() != heads);
            if asked {
                self.written_before = self.written;
            }
            if ahead != self.ahead {
                self.ahead = ahead;
                self.handle.set_ahead(self.ahead);
            }
            match verdict {
                Verdict::Pass => return Poll::Ready(Ok(())),
                // Nothing came but an empty line.
                Verdict::Instead(bytes) if bytes.is_empty() && between => self.set_progress(progress),
                Verdict::Instead(bytes) => self.instead = bytes.into(),
                Verdict::Refuse(bytes, refused) => {
                    self.instead = bytes.into();
                    self.handle.refuse(refused);
                }
            }
            buf.set_filled(before);
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.handle.is_underway() {
            ready!(self.poll_interim(cx))?;
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.note_written(written, &[io::IoSlice::new(buf)], cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.handle.is_underway() {
            ready!(self.poll_interim(cx))?;
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.note_written(written, bufs, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_interim(cx))?;
        // A response may have ended here, which starts the idle timeout, and hyper doesn't read again for that.
        let _ = self.poll_idle(cx)?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.set_progress(Progress::Asked);
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            if !self.handle.lingers() {
                return Poll::Ready(Ok(()));
            }
        }
        let Self { inner, linger, .. } = &mut *self;
        linger.get_or_insert_with(Linger::new).poll(cx, inner).map(Ok)
    }
}
