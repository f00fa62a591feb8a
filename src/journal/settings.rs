//! The logged events, and their outputs.

use crate::telemetry::Output;

/// The logged events, and their outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which decisions are logged.
    pub which: LogDecisions,
    /// Their output, if not the diagnostics log.
    pub decisions: Option<Output>,
    /// The access log's output, if there is one.
    pub accesses: Option<Output>,
    /// The token log's output, if not the diagnostics log.
    pub tokens: Option<Output>,
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

impl LogDecisions {
    /// The word for it in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Denied => "denied",
            Self::None => "none",
        }
    }
}
