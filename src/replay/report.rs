//! The result of a rehearsal, as the command prints it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::why::Why;

/// The outcome of a rehearsal.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// What it comes to.
    pub(crate) result: Conclusion,
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
    pub(crate) undetermined: BTreeMap<Why, u64>,
    /// What the log as a whole lacks.
    pub(crate) gaps: Vec<Why>,
    /// The lines that the gateway lost, by its own notices.
    pub(crate) lines_lost: u64,
    /// Those that used the recorded finding: the issuer's rule is the same, and the log lacks a claim that it reads.
    pub(crate) recorded_findings_taken: u64,
    /// Those of older versions, which don't say what the issuer asked of its tokens: the same, it is assumed.
    pub(crate) token_rules_assumed: u64,
    /// The first lines that could not be read.
    pub(crate) malformed: Vec<Malformed>,
}

/// What a rehearsal comes to. What makes the result incomplete comes first: a count of what was decided again says
/// nothing about the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Conclusion {
    /// There was no decision to decide again.
    #[default]
    Empty,
    /// Lines could not be read.
    Malformed,
    /// Some decisions, or the log, lack a fact.
    Undetermined,
    /// All were decided again, and some that were permitted would be refused.
    NewlyRefused,
    /// All were decided again, and none that was permitted would be refused.
    Pass,
}

impl Conclusion {
    /// The command's exit code. 2 is for input that can't be read at all.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::NewlyRefused => 1,
            Self::Undetermined => 3,
            Self::Malformed => 4,
            Self::Empty => 5,
        }
    }
}

impl Report {
    /// What it comes to, and what the log lacks.
    pub(super) fn conclusion(&mut self) -> Conclusion {
        let recorded = &self.recorded;
        let may_omit = recorded.of_older_versions > 0 && recorded.ordinary == 0;
        if recorded.without_permits > 0 || may_omit {
            self.gaps.push(Why::PermitsOmitted);
        }
        if self.lines_lost > 0 {
            self.gaps.push(Why::LinesLost);
        }
        if self.lines.decisions == 0 {
            Conclusion::Empty
        } else if self.lines.malformed > 0 {
            Conclusion::Malformed
        } else if !self.undetermined.is_empty() {
            Conclusion::Undetermined
        } else if self.newly_refused.count > 0 {
            // That callers may be missing changes nothing for these.
            Conclusion::NewlyRefused
        } else if self.gaps.is_empty() {
            Conclusion::Pass
        } else {
            Conclusion::Undetermined
        }
    }
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
    /// Those of a log that omits such permits.
    #[serde(skip)]
    pub(crate) without_permits: u64,
    /// Those that don't say whether their log does.
    #[serde(skip)]
    pub(crate) of_older_versions: u64,
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
