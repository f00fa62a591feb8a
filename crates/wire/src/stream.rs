//! A client's connection: what it speaks, and what of it is let through.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::deadline::Deadline;
use super::guard::{Guard, Verdict};
use super::half_closed::HalfClosed;
use super::handle::Handle;
use super::patience::Patience;
use super::socket::Socket;
use super::windows::Windows;

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long, and for how many bytes, a connection lingers.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 << 20;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What a client may do to its connection.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// The largest head of an HTTP/1.1 request.
    pub max_head: usize,
    /// The most fields in it.
    pub max_headers: usize,
    /// How long nothing of an answer may be taken.
    pub patience: Duration,
    /// How long no head of a request may come over HTTP/1.1, once the last answer has ended.
    pub idle: Duration,
}

/// A connection whose first bytes were read to learn what it speaks, and are read again by whoever serves it.
#[derive(Debug)]
pub struct ClientStream {
    inner: Socket,
    first: [u8; PREFACE.len()],
    filled: usize,
    replayed: usize,
    /// Over HTTP/1.1, until another protocol is agreed on.
    guard: Option<Guard>,
    /// Over HTTP/2.
    windows: Option<Windows>,
    /// What passes in place of what came, and isn't read yet.
    instead: Bytes,
    /// Whether something came behind the request that passed last.
    ahead: bool,
    half_closed: Option<HalfClosed>,
    idle: Idle,
    written: u64,
    progress: Progress,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    patience: Patience,
    hold: Deadline,
    handle: Handle,
}

/// How far what came over HTTP/1.1 was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Not at all.
    Asked,
    /// Something was written.
    Begun,
    /// Everything that the parser had for us was written, and nothing came since.
    Settled,
}

/// How long nothing is asked. hyper has such a timer, and makes a new one for each request.
#[derive(Debug, Default)]
struct Idle {
    limit: Duration,
    /// How many heads had come when the deadline was set.
    since_head: u64,
    deadline: Deadline,
}

impl ClientStream {
    /// Reads until it is clear what the client speaks. The caller sets the deadline.
    ///
    /// HTTP/1.1 is guarded from then on.
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

    /// A connection on which it was agreed already what is spoken, by ALPN.
    pub fn new(inner: Socket, version: Version, limits: StreamLimits) -> Self {
        Self {
            inner,
            first: [0; PREFACE.len()],
            filled: 0,
            replayed: 0,
            guard: (version == Version::Http1).then(|| Guard::new(limits.max_head, limits.max_headers)),
            windows: (version == Version::Http2).then(|| Windows::new(limits.patience, PREFACE.len())),
            instead: Bytes::new(),
            ahead: false,
            half_closed: None,
            idle: Idle { limit: limits.idle, ..Idle::default() },
            written: 0,
            progress: Progress::Asked,
            lingering: None,
            patience: Patience::new(limits.patience),
            hold: Deadline::default(),
            handle: Handle::default(),
        }
    }

    /// The handle by which services reach this connection.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Reads what the client sent, the first bytes again; nothing while it is held back.
    fn poll_read_raw(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(until) = self.handle.held_until() {
            self.hold.set(until);
            ready!(self.hold.poll_passed(cx));
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

    /// Fails when the connection has been idle for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(guard) = &self.guard else { return Poll::Pending };
        let Idle { limit, since_head, deadline } = &mut self.idle;
        // The first head has a deadline of its own, which the caller keeps.
        if guard.heads() == 0 || self.handle.may_be_silent() {
            deadline.clear();
            return Poll::Pending;
        }
        if !deadline.is_set() || *since_head != guard.heads() {
            *since_head = guard.heads();
            deadline.set(Instant::now() + *limit);
        }
        deadline.poll_passed(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ready once there is something for the parser: bytes, or that the connection was idle for too long.
    pub fn poll_stirred(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_idle(cx).is_ready() { Poll::Ready(()) } else { self.inner.poll_readable(cx) }
    }

    fn set_progress(&mut self, progress: Progress) {
        if (self.progress == Progress::Settled) != (progress == Progress::Settled) {
            self.handle.set_settled(progress == Progress::Settled);
        }
        self.progress = progress;
    }

    /// Notes that all was written, if that settles what was asked.
    fn note_flushed(&mut self) {
        let between = self.guard.as_ref().is_some_and(Guard::is_between) && self.half_closed.is_none();
        if self.progress == Progress::Begun && between && self.instead.is_empty() && self.replayed == self.filled {
            self.set_progress(Progress::Settled);
        }
    }

    /// Tells the parser that the client closed its half: at once if it broke off a request or none is being answered. A
    /// client that waits for an answer gets it (RFC 9112 section 9.6).
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waits = self.guard.as_ref().is_some_and(Guard::is_between) && self.handle.is_busy();
        if !waits {
            return Poll::Ready(Ok(()));
        }
        let half_closed = self.half_closed.get_or_insert_with(HalfClosed::new);
        half_closed.poll_gone(cx, &self.inner, &self.handle, self.written)
    }

    /// Reads and drops what comes, until the client closes, or the time or the amount is used up.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (sleep, left) = self.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        let mut scratch = [0; 8192];
        while *left > 0 && sleep.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => *left = left.saturating_sub(buf.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Counts what was written of `bufs`, and fails when nothing could be for too long.
    fn note_written(
        &mut self,
        written: Poll<io::Result<usize>>,
        bufs: &[io::IoSlice<'_>],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(mut count)) = written {
            self.written += count as u64;
            self.set_progress(Progress::Begun);
            if let Some(windows) = &mut self.windows {
                for buf in bufs {
                    let part = count.min(buf.len());
                    windows.note_written(&buf[..part], cx);
                    count -= part;
                }
                self.handle.set_answering(windows.answering());
            }
        }
        self.patience.watch(written, cx)
    }

    /// Writes the interim responses that are queued. A client that doesn't take them is as slow as one that doesn't take an
    /// answer.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { inner, handle, patience, .. } = self;
        handle.poll_interim(cx, |cx, bytes| {
            let written = Pin::new(&mut *inner).poll_write(cx, bytes);
            patience.watch(written, cx)
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
            if let Some(windows) = &mut self.windows
                && let Poll::Ready(frames) = windows.poll_stalled(cx)?
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
            let Self { windows, handle, .. } = &mut *self;
            if let Some(windows) = windows {
                windows.note_read(&buf.filled()[before..])?;
                handle.set_answering(windows.answering());
            }
            let Some(guard) = &mut self.guard else { return Poll::Ready(Ok(())) };
            let verdict = guard.judge(&buf.filled()[before..]);
            let (ahead, between) = (guard.is_ahead(), guard.is_between());
            if ahead != self.ahead {
                self.ahead = ahead;
                self.handle.set_ahead(self.ahead);
            }
            match verdict {
                Verdict::Pass => return Poll::Ready(Ok(())),
                // Nothing but an empty line.
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
        // An answer may have ended here, and hyper doesn't read again for that.
        let _ = self.poll_idle(cx)?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.note_flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.set_progress(Progress::Asked);
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            if !self.handle.lingers() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_linger(cx)
    }
}
