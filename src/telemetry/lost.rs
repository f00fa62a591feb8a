//! Lines that didn't reach their output: how many, and the notice in the log itself.

use std::sync::LazyLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lines that didn't reach their output. Logs belong to the process, so this does too.
static LOST: LazyLock<Family<LogLabels, Counter>> = LazyLock::new(Family::default);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LogLabels {
    log: &'static str,
}

/// Registers the metric of lost lines.
pub(crate) fn register(registry: &mut Registry) {
    let help = "Log lines lost because the queue was full or a write failed";
    registry.register("log_lines_lost", help, LOST.clone());
}

/// The counter of a log's lost lines.
pub(super) fn counter(log: &'static str) -> Counter {
    LOST.get_or_create_owned(&LogLabels { log })
}

/// A notice in a log that lines are missing.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LinesLost {
    /// `lines_lost`.
    #[schemars(extend("const" = "lines_lost"))]
    pub(crate) event: String,
    /// The log: `diagnostics`, `decisions` or `access`.
    pub(crate) log: String,
    /// The number of lines lost since the last such notice.
    pub(crate) lines: u64,
}
