//! How long an HTTP/2 client may leave its flow-control windows exhausted.
//!
//! Such a client takes nothing of its response. As long as it answers pings, its stream, and all that the stream holds,
//! would stay: h2 has no timer for that. The heads of the frames that pass are enough to know how much of each window
//! is left (RFC 9113 section 6.9). To end a stream that makes no progress, h2 reads an increment that exceeds the
//! largest window. It resets the stream with `FLOW_CONTROL_ERROR` for that (section 6.9.1), and other streams go on.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::frame_budget::FrameBudget;
use super::frames::{Frames, kind};

/// The size of a window at first (RFC 9113 section 6.9.2), and the setting that changes it.
const INITIAL_WINDOW: i64 = 65_535;
const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;

/// The largest increment.
const MAX_INCREMENT: u32 = 0x7fff_ffff;

/// Fewer bytes than this are no progress: a client may also open its windows byte by byte.
const MIN_PROGRESS: u64 = 1024;

/// How long a frame that the client began may delay the end of a stream.
const GRACE: Duration = Duration::from_secs(5);

/// How many streams are watched. hyper never has that many open.
const MAX_STREAMS: usize = 4096;

/// Follows the frames of a connection, and knows how much of its windows is left.
#[derive(Debug)]
pub(crate) struct FlowControl {
    limit: Duration,
    read: Frames,
    written: Frames,
    initial: i64,
    connection: Window,
    streams: HashMap<u32, Stream>,
    /// How many of them have a response that isn't fully written yet.
    unwritten: usize,
    frame_budget: FrameBudget,
    /// The highest stream so far: a field section on an earlier one is its trailer section.
    last: u32,
    /// Until the next look, if any window was exhausted.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Streams to end as soon as a frame may be put in.
    stalled: Vec<u32>,
}

/// A stream, until its response is written.
#[derive(Debug)]
struct Stream {
    window: Window,
    has_response: bool,
}

#[derive(Debug)]
struct Window {
    available: i64,
    exhausted: Option<Exhausted>,
}

/// A window was found exhausted. It may have been opened since: that is looked at when the time is up.
#[derive(Clone, Copy, Debug)]
struct Exhausted {
    since: Instant,
    /// How many bytes were written since then.
    written_since: u64,
}

impl FlowControl {
    /// Lets windows stay exhausted for `limit`. The client begins with a preface of this length.
    pub(crate) fn new(limit: Duration, preface: usize) -> Self {
        Self {
            limit,
            read: Frames::after(preface),
            written: Frames::after(0),
            initial: INITIAL_WINDOW,
            connection: Window { available: INITIAL_WINDOW, exhausted: None },
            streams: HashMap::new(),
            unwritten: 0,
            frame_budget: FrameBudget::new(),
            last: 0,
            sleep: None,
            stalled: Vec::new(),
        }
    }

    /// How many responses aren't fully written yet.
    pub(crate) fn unwritten(&self) -> usize {
        self.unwritten
    }

    /// Notes what the client sent. Fails if that exceeds the frame budget.
    pub(crate) fn note_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { read, initial, connection, streams, unwritten, frame_budget, last, .. } = self;
        let mut within_budget = true;
        read.follow(bytes, |frame, payload| {
            if !matches!(frame.kind, kind::DATA | kind::HEADERS | kind::CONTINUATION) {
                within_budget &= frame_budget.spend();
            }
            match frame.kind {
                kind::HEADERS if frame.stream > *last => {
                    *last = frame.stream;
                    frame_budget.note_request();
                    if streams.len() < MAX_STREAMS {
                        let window = Window { available: *initial, exhausted: None };
                        streams.insert(frame.stream, Stream { window, has_response: false });
                    }
                }
                kind::RST_STREAM => forget(streams, unwritten, frame.stream),
                kind::WINDOW_UPDATE => {
                    let window = match frame.stream {
                        0 => Some(&mut *connection),
                        id => streams.get_mut(&id).map(|stream| &mut stream.window),
                    };
                    if let (Some(window), Ok(increment)) = (window, payload.try_into()) {
                        window.available += i64::from(u32::from_be_bytes(increment) & MAX_INCREMENT);
                    }
                }
                kind::SETTINGS => {
                    if let Some(size) = initial_window(payload) {
                        let difference = size - *initial;
                        *initial = size;
                        for stream in streams.values_mut() {
                            stream.window.available += difference;
                        }
                    }
                }
                _ => {}
            }
        });
        if within_budget { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "too many control frames")) }
    }

    /// Notes what was written to the client.
    pub(crate) fn note_written(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        let Self { written, connection, streams, unwritten, frame_budget, .. } = self;
        let mut exhausted = false;
        written.follow(bytes, |frame, _| {
            if frame.ends_stream() || frame.kind == kind::RST_STREAM {
                forget(streams, unwritten, frame.stream);
            }
            let stream = streams.get_mut(&frame.stream);
            match frame.kind {
                kind::DATA => {
                    frame_budget.note_response_data(frame.length);
                    exhausted |= connection.spend(frame.length);
                    exhausted |= stream.is_some_and(|stream| stream.window.spend(frame.length));
                }
                kind::HEADERS => {
                    exhausted |= stream.is_some_and(|stream| {
                        *unwritten += usize::from(!stream.has_response);
                        stream.has_response = true;
                        stream.window.spend(0)
                    });
                }
                _ => {}
            }
        });
        if exhausted && self.sleep.is_none() {
            let mut sleep = Box::pin(tokio::time::sleep(self.limit));
            // The task reads before it writes, and may not read again before the client sends something.
            let _ = sleep.as_mut().poll(cx);
            self.sleep = Some(sleep);
        }
    }

    /// Ready with the bytes that make h2 end the streams that stalled, to be read before anything else. Fails if the
    /// whole connection stalled.
    pub(crate) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        loop {
            if !self.stalled.is_empty() && self.read.is_between() {
                let stalled = std::mem::take(&mut self.stalled);
                return Poll::Ready(Ok(stalled.into_iter().flat_map(overflow).collect()));
            }
            let Some(sleep) = &mut self.sleep else { return Poll::Pending };
            ready!(sleep.as_mut().poll(cx));
            let now = Instant::now();
            if !self.stalled.is_empty() || self.connection.is_stalled(now, self.limit) && self.unwritten > 0 {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            for (id, stream) in &mut self.streams {
                if stream.window.is_stalled(now, self.limit) {
                    self.stalled.push(*id);
                }
            }
            for id in &self.stalled {
                forget(&mut self.streams, &mut self.unwritten, *id);
            }
            let windows = self.streams.values().map(|stream| &stream.window).chain([&self.connection]);
            let next = windows.filter_map(|window| Some(window.exhausted?.since + self.limit)).min();
            let next = if self.stalled.is_empty() { next } else { Some(now + GRACE) };
            match next {
                Some(next) => sleep.as_mut().reset(next),
                None => self.sleep = None,
            }
        }
    }
}

impl Window {
    /// Notes that `length` bytes were written. Returns whether the window is marked as exhausted.
    fn spend(&mut self, length: usize) -> bool {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.available -= i64::from(length);
        match &mut self.exhausted {
            Some(exhausted) => exhausted.written_since += u64::from(length),
            None if self.available <= 0 => self.exhausted = Some(Exhausted { since: Instant::now(), written_since: 0 }),
            None => return false,
        }
        true
    }

    /// Whether the window has been exhausted for `limit`. If enough was written since, its time starts anew.
    fn is_stalled(&mut self, now: Instant, limit: Duration) -> bool {
        let Some(exhausted) = self.exhausted.filter(|exhausted| now.duration_since(exhausted.since) >= limit) else {
            return false;
        };
        let is_exhausted = self.available <= 0;
        self.exhausted = is_exhausted.then_some(Exhausted { since: now, written_since: 0 });
        is_exhausted && exhausted.written_since < MIN_PROGRESS
    }
}

fn forget(streams: &mut HashMap<u32, Stream>, unwritten: &mut usize, id: u32) {
    if streams.remove(&id).is_some_and(|stream| stream.has_response) {
        *unwritten -= 1;
    }
}

/// The initial window that a SETTINGS frame sets, if it does.
fn initial_window(payload: &[u8]) -> Option<i64> {
    let settings = payload.chunks_exact(6).filter_map(|setting| setting.split_first_chunk());
    let mut sizes = settings.filter(|(id, _)| u16::from_be_bytes(**id) == SETTINGS_INITIAL_WINDOW_SIZE);
    let size: [u8; 4] = sizes.next_back()?.1.try_into().ok()?;
    Some(i64::from(u32::from_be_bytes(size)))
}

/// Increments of a stream's window that exceed the largest one, whatever is left of it now.
fn overflow(stream: u32) -> Vec<u8> {
    let [s1, s2, s3, s4] = stream.to_be_bytes();
    let [i1, i2, i3, i4] = MAX_INCREMENT.to_be_bytes();
    [0, 0, 4, kind::WINDOW_UPDATE, 0, s1, s2, s3, s4, i1, i2, i3, i4].repeat(2)
}
