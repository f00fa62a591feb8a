//! The status of a key source, for health and logs.

use std::time::Duration;

use tokio::time::Instant;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::Skipped;

/// How long a lasting failure is not repeated in the log: at first, and in the end.
const QUIET: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// The status of a key source.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// When the issuer last confirmed the keys. Their age counts from here.
    pub fetched: Option<Timestamp>,
    /// Where they come from.
    pub origin: Option<Origin>,
    /// How many keys are usable.
    pub keys: usize,
    /// The entries of the key set that are not, and why.
    pub skipped: Skipped,
    /// How many attempts have failed in a row.
    pub failures: u32,
    /// What the last attempt failed of, if it did.
    pub last_error: Option<String>,
    /// When the next attempt is due, unless a token asks for one before.
    pub next_refresh: Option<Timestamp>,
    /// Whether there have ever been keys.
    pub had_keys: bool,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The issuer, since this process began.
    Issuer,
    /// The configured file.
    File,
    /// The disk: an earlier process had them from the issuer.
    Disk,
    /// The program.
    Given,
}

impl Origin {
    /// The name in readiness.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::File => "file",
            Self::Disk => "disk",
            Self::Given => "given",
        }
    }
}

/// How serious a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seriousness {
    /// The keys are old, and good for longer than they are old.
    Warning,
    /// More than half of their time is used up, or there are none.
    Error,
}

/// A row of failures, and what was said of it. A failure that lasts is said again when it gets more serious, and else
/// ever more rarely: retries come by the second.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failures: u32,
    said: Option<(Seriousness, Instant)>,
    quiet: Duration,
}

impl Trouble {
    /// How many failures there were in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure, and tells whether the log should say it.
    pub(super) fn failed(&mut self, now: Instant, seriousness: Seriousness) -> bool {
        self.failures = self.failures.saturating_add(1);
        let say = self.said.is_none_or(|(before, at)| seriousness > before || now.duration_since(at) >= self.quiet);
        if say {
            self.said = Some((seriousness, now));
            self.quiet = (self.quiet * 2).clamp(QUIET.0, QUIET.1);
        }
        say
    }

    /// Ends the row; tells how long it was.
    pub(super) fn over(&mut self) -> u32 {
        std::mem::take(self).failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_lasts_is_said_ever_more_rarely_and_again_when_it_gets_serious() {
        let start = Instant::now();
        let mut trouble = Trouble::default();
        let mut said = Vec::new();
        for second in 0..7200 {
            let seriousness = if second < 3600 { Seriousness::Warning } else { Seriousness::Error };
            if trouble.failed(start + Duration::from_secs(second), seriousness) {
                said.push(second);
            }
        }
        assert_eq!(said, [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430, 3030, 3600, 4200, 4800, 5400, 6000, 6600]);
        assert_eq!(trouble.over(), 7200);
        assert!(trouble.failed(start, Seriousness::Warning), "the next row begins with a line");
    }
}
