//! The gateway's reports about itself: the log, its outputs, traces, and facts about the process.

mod log_thread;
mod lost;
mod output;
mod panics;
mod process;
mod sink;
mod text;
mod traces;
mod version;

pub(crate) use lost::{LinesLost, register as register_logs};
pub use output::Output;
pub(crate) use process::register as register_process;
pub(crate) use sink::Sink;
pub(crate) use traces::{Attribute, Kind, Told, Trace, TraceContext, TraceMetrics, Tracer, Value};
pub use traces::{TraceProtocol, TraceSettings};
pub(crate) use version::{COMMIT, LONG_VERSION, VERSION};

use std::sync::OnceLock;
use std::time::Duration;

use text::{Fields, JsonLines};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The log. It lasts as long as the process.
static LOG: OnceLock<Sink> = OnceLock::new();
/// The same, if its lines are JSON.
static JSON_LOG: OnceLock<&'static Sink> = OnceLock::new();

/// The log's sink, if its lines are JSON and contain only the event: code that logs many lines can write them there,
/// without the general machinery. Below `info`, lines also contain the spans around the event.
pub(crate) fn json_log() -> Option<&'static Sink> {
    JSON_LOG.get().copied().filter(|_| LevelFilter::current() <= LevelFilter::INFO)
}

/// Waits until the log is written, up to a limit.
pub(crate) fn flush_log() {
    if let Some(sink) = LOG.get() {
        sink.flush(Duration::from_secs(1));
    }
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The form.
    pub format: LogFormat,
    /// Its content: a level, or a filter.
    pub filter: String,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts the log, to standard error. The first call counts; tests may make more.
///
/// In both forms an event is one line, and control characters are escaped, so that a client can't forge lines or terminal
/// sequences.
///
/// # Errors
///
/// If the filter can't be parsed, or the log's thread can't be started.
pub(crate) fn start_log(settings: &LogSettings) -> std::io::Result<()> {
    let filter = EnvFilter::builder().parse(&settings.filter).map_err(std::io::Error::other)?;
    let sink = if let Some(sink) = LOG.get() {
        sink
    } else {
        let sink = Sink::open("diagnostics", Output::Stderr)?;
        LOG.get_or_init(|| sink)
    };
    let layer = tracing_subscriber::fmt::layer().with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A second call changes nothing: a process sets its log once.
    let started = match settings.format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(layer.fmt_fields(Fields).with_writer(move || sink).with_ansi(is_terminal)).try_init()
        }
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_writer(move || JsonLines(sink)).with_ansi(false);
            let started = registry.with(layer).try_init();
            started.inspect(|()| _ = JSON_LOG.set(sink))
        }
    };
    if started.is_ok() {
        panics::log();
    }
    Ok(())
}
