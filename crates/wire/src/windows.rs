//! How long an HTTP/2 client may keep its flow-control windows shut.
//!
//! Such a client takes nothing of its answer, and as long as it answers pings, its stream and what it holds would stay
//! for ever: h2 keeps no time. The heads of the frames that pass are enough to know how far each window is open (RFC
//! 9113 section 6.9). A stream that gets no further is ended in a way that h2 has, too: by an increment that exceeds the
//! largest window, upon which it resets the stream with `FLOW_CONTROL_ERROR` (section 6.9.1). Other streams go on.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::frames::{Frames, kind};
use super::pace::Pace;

/// The window before anybody says otherwise (RFC 9113 section 6.9.2), and the setting that does.
const INITIAL_WINDOW: i64 = 65_535;
const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;

/// The largest increment.
const MAX_INCREMENT: u32 = 0x7fff_ffff;

/// How little is no progress: windows may also be opened byte by byte.
const LITTLE: u64 = 1024;

/// How long a frame that the client began may hold up the end of a stream.
const GRACE: Duration = Duration::from_secs(5);

/// How many streams are watched. hyper never has as many open.
const MAX_STREAMS: usize = 4096;

/// Keeps account of a connection's windows.
#[derive(Debug)]
pub(super) struct Windows {
    limit: Duration,
    read: Frames,
    written: Frames,
    initial: i64,
    connection: Window,
    streams: HashMap<u32, Stream>,
    /// How many of them have an answer that isn't written yet.
    answering: usize,
    pace: Pace,
    /// The highest stream so far: a field section on an earlier one is its trailers.
    last: u32,
    /// When to look next, if any window was shut.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Streams to be ended as soon as a frame may come in between.
    stalled: Vec<u32>,
}

/// A stream, until its answer was written.
#[derive(Debug)]
struct Stream {
    window: Window,
    answered: bool,
}

#[derive(Debug)]
struct Window {
    open: i64,
    shut: Option<Shut>,
}

/// A window was found shut. It may have been opened meanwhile: that is looked at when the time is up.
#[derive(Clone, Copy, Debug)]
struct Shut {
    since: Instant,
    /// What was written since then.
    passed: u64,
}

impl Windows {
    /// Windows that may stay shut for `limit`, of a client that begins with a preface of this length.
    pub(super) fn new(limit: Duration, preface: usize) -> Self {
        Self {
            limit,
            read: Frames::after(preface),
            written: Frames::after(0),
            initial: INITIAL_WINDOW,
            connection: Window { open: INITIAL_WINDOW, shut: None },
            streams: HashMap::new(),
            answering: 0,
            pace: Pace::new(),
            last: 0,
            sleep: None,
            stalled: Vec::new(),
        }
    }

    /// How many answers are still being written.
    pub(super) fn answering(&self) -> usize {
        self.answering
    }

    /// Notes what the client sent; an error if it sends too much that carries nothing.
    pub(super) fn note_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { read, initial, connection, streams, answering, pace, last, .. } = self;
        let mut within_pace = true;
        read.follow(bytes, |frame, payload| {
            if !matches!(frame.kind, kind::DATA | kind::HEADERS | kind::CONTINUATION) {
                within_pace &= pace.spend();
            }
            match frame.kind {
                kind::HEADERS if frame.stream > *last => {
                    *last = frame.stream;
                    pace.note_request();
                    if streams.len() < MAX_STREAMS {
                        let window = Window { open: *initial, shut: None };
                        streams.insert(frame.stream, Stream { window, answered: false });
                    }
                }
                kind::RST_STREAM => forget(streams, answering, frame.stream),
                kind::WINDOW_UPDATE => {
                    let window = match frame.stream {
                        0 => Some(&mut *connection),
                        id => streams.get_mut(&id).map(|stream| &mut stream.window),
                    };
                    if let (Some(window), Ok(increment)) = (window, payload.try_into()) {
                        window.open += i64::from(u32::from_be_bytes(increment) & MAX_INCREMENT);
                    }
                }
                kind::SETTINGS => {
                    if let Some(size) = initial_window(payload) {
                        let difference = size - *initial;
                        *initial = size;
                        for stream in streams.values_mut() {
                            stream.window.open += difference;
                        }
                    }
                }
                _ => {}
            }
        });
        if within_pace { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "too many control frames")) }
    }

    /// Notes what was written to the client.
    pub(super) fn note_written(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        let Self { written, connection, streams, answering, pace, .. } = self;
        let mut shut = false;
        written.follow(bytes, |frame, _| {
            if frame.ends_stream() || frame.kind == kind::RST_STREAM {
                forget(streams, answering, frame.stream);
            }
            let stream = streams.get_mut(&frame.stream);
            match frame.kind {
                kind::DATA => {
                    pace.note_answer(frame.length);
                    shut |= connection.spend(frame.length);
                    shut |= stream.is_some_and(|stream| stream.window.spend(frame.length));
                }
                kind::HEADERS => {
                    shut |= stream.is_some_and(|stream| {
                        *answering += usize::from(!stream.answered);
                        stream.answered = true;
                        stream.window.spend(0)
                    });
                }
                _ => {}
            }
        });
        if shut && self.sleep.is_none() {
            let mut sleep = Box::pin(tokio::time::sleep(self.limit));
            // The task reads before it writes, and may not read again before the client sends something.
            let _ = sleep.as_mut().poll(cx);
            self.sleep = Some(sleep);
        }
    }

    /// What has h2 end the streams that stalled, in place of what the client sends next; an error if the whole connection
    /// did.
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        loop {
            if !self.stalled.is_empty() && self.read.is_between() {
                let stalled = std::mem::take(&mut self.stalled);
                return Poll::Ready(Ok(stalled.into_iter().flat_map(overflow).collect()));
            }
            let Some(sleep) = &mut self.sleep else { return Poll::Pending };
            ready!(sleep.as_mut().poll(cx));
            let now = Instant::now();
            if !self.stalled.is_empty() || self.connection.is_stalled(now, self.limit) && self.answering > 0 {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            for (id, stream) in &mut self.streams {
                if stream.window.is_stalled(now, self.limit) {
                    self.stalled.push(*id);
                }
            }
            for id in &self.stalled {
                forget(&mut self.streams, &mut self.answering, *id);
            }
            let windows = self.streams.values().map(|stream| &stream.window).chain([&self.connection]);
            let next = windows.filter_map(|window| Some(window.shut?.since + self.limit)).min();
            let next = if self.stalled.is_empty() { next } else { Some(now + GRACE) };
            match next {
                Some(next) => sleep.as_mut().reset(next),
                None => self.sleep = None,
            }
        }
    }
}

impl Window {
    /// Notes that so much was written; whether the window was shut by it.
    fn spend(&mut self, length: usize) -> bool {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.open -= i64::from(length);
        match &mut self.shut {
            Some(shut) => shut.passed += u64::from(length),
            None if self.open <= 0 => self.shut = Some(Shut { since: Instant::now(), passed: 0 }),
            None => return false,
        }
        true
    }

    /// Whether it has been shut for so long. If something passed meanwhile, its time begins anew.
    fn is_stalled(&mut self, now: Instant, limit: Duration) -> bool {
        let Some(shut) = self.shut.filter(|shut| now.duration_since(shut.since) >= limit) else { return false };
        let is_shut = self.open <= 0;
        self.shut = is_shut.then_some(Shut { since: now, passed: 0 });
        is_shut && shut.passed < LITTLE
    }
}

fn forget(streams: &mut HashMap<u32, Stream>, answering: &mut usize, id: u32) {
    if streams.remove(&id).is_some_and(|stream| stream.answered) {
        *answering -= 1;
    }
}

/// The initial window that a SETTINGS frame asks for, if it does.
fn initial_window(payload: &[u8]) -> Option<i64> {
    let settings = payload.chunks_exact(6).filter_map(|setting| setting.split_first_chunk());
    let mut sizes = settings.filter(|(id, _)| u16::from_be_bytes(**id) == SETTINGS_INITIAL_WINDOW_SIZE);
    let size: [u8; 4] = sizes.next_back()?.1.try_into().ok()?;
    Some(i64::from(u32::from_be_bytes(size)))
}

/// Increments of a stream's window that exceed the largest one, wherever it is now.
fn overflow(stream: u32) -> Vec<u8> {
    let [s1, s2, s3, s4] = stream.to_be_bytes();
    let [i1, i2, i3, i4] = MAX_INCREMENT.to_be_bytes();
    [0, 0, 4, kind::WINDOW_UPDATE, 0, s1, s2, s3, s4, i1, i2, i3, i4].repeat(2)
}
