//! The result of a rehearsal, as the command prints it.

use std::collections::BTreeMap;

use serde::Serialize;

/// The outcome of a rehearsal.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The lines that were read.
    pub(crate) lines: LineCounts,
    /// The decisions among them, as they were recorded.
    pub(crate) recorded: Recorded,
    /// Those that were decided again: all but the undetermined.
    pub(crate) decided_again: u64,
    /// Those with the same result: permitted or refused.
    pub(crate) unchanged: u64,
    /// Those that were permitted and would be refused.
    pub(crate) newly_refused: Changes,
    /// Those that were refused and would be permitted.
    pub(crate) newly_permitted: Changes,
    /// Those that the log has too few facts about, by cause.
    pub(crate) undetermined: BTreeMap<&'static str, u64>,
    /// Those that used the recorded finding, because the issuer's rule looks at more than `amr`.
    pub(crate) recorded_findings_taken: u64,
    /// The first lines that could not be read.
    pub(crate) malformed: Vec<Malformed>,
}

/// The lines of the logs, by kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LineCounts {
    pub(crate) read: u64,
    pub(crate) decisions: u64,
    /// Other lines of a log.
    pub(crate) other: u64,
    pub(crate) malformed: u64,
}

/// The decisions as they were recorded.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Recorded {
    pub(crate) permitted: u64,
    pub(crate) refused: u64,
    /// The permits that `log.decisions: denied` omits.
    #[serde(skip)]
    pub(crate) ordinary: u64,
}

/// Decisions that changed in one way.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changes {
    pub(crate) count: u64,
    /// The groups concerned, largest first.
    pub(crate) groups: Vec<Group>,
    /// How many decisions belong to groups that aren't listed.
    pub(crate) not_listed: u64,
}

/// Decisions with the same caller, route and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    pub(crate) count: u64,
    #[serde(flatten)]
    pub(crate) who: Who,
}

/// The key that decisions are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Who {
    pub(crate) application: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) route: String,
    /// The recorded grounds or reason.
    pub(crate) was: String,
    /// The new reason or grounds.
    pub(crate) reason: String,
}

/// A line that could not be read.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Malformed {
    pub(crate) log: String,
    pub(crate) line: u64,
    pub(crate) problem: String,
}
