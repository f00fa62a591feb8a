//! What the gateway tells about itself: the log and the metrics.

mod metrics;

pub(crate) use metrics::{ConnectionRefusal, IssuerMetrics, Metrics, ResultLabels, WouldDenyLabels};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log, to standard error. The first call counts; tests may make more.
///
/// Both forms escape control characters in values, so that a client can't forge lines or terminal sequences.
///
/// # Errors
///
/// If the filter can't be read.
pub(crate) fn start_log(format: LogFormat, filter: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A second call changes nothing: the log of a process is set once.
    let _ = match format {
        LogFormat::Text => {
            registry.with(layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))).try_init()
        }
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_ansi(false)).try_init(),
    };
    Ok(())
}
