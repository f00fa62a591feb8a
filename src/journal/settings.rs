//! What is written down, and where.

use crate::telemetry::Output;

/// What is written down, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which decisions are logged.
    pub which: LogDecisions,
    /// Where they go, if not into the log.
    pub decisions: Option<Output>,
    /// Where answers are logged, if they are.
    pub accesses: Option<Output>,
}

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDecisions {
    /// Every decision.
    All,
    /// Refusals, and permits by report mode or exception.
    Denied,
    /// None.
    None,
}
