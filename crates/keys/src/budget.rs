//! How often tokens may have keys fetched.

use std::time::Duration;

use tokio::time::Instant;

/// How many fetches there may be at once in a row.
const BURST: u32 = 2;

/// How long it takes until there may be one more.
const REFILL: Duration = Duration::from_secs(8);

/// The budgets of a source.
#[derive(Debug)]
pub(super) struct Budgets {
    /// Of tokens that no key fits.
    pub(super) wanted: Budget,
    /// Of tokens whose signature fails.
    pub(super) doubted: Budget,
}

impl Budgets {
    pub(super) fn new(now: Instant) -> Self {
        Self { wanted: Budget::new(now), doubted: Budget::for_doubts(now) }
    }
}

/// A budget of fetches: a few at once, then one every eight seconds.
#[derive(Debug)]
pub(super) struct Budget {
    burst: u32,
    left: u32,
    refilled: Instant,
}

impl Budget {
    /// For tokens with an unknown `kid`.
    pub(super) fn new(now: Instant) -> Self {
        Self { burst: BURST, left: BURST, refilled: now }
    }

    /// For tokens whose signature fails: its own, so that forged ones don't use up what a rotation needs.
    pub(super) fn for_doubts(now: Instant) -> Self {
        Self { burst: 1, left: 1, refilled: now }
    }

    /// When the next fetch may be spent: now, or later.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        while self.left < self.burst && now.duration_since(self.refilled) >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left > 0 { now } else { self.refilled + REFILL }
    }

    /// Spends one.
    pub(super) fn spend(&mut self, now: Instant) {
        if self.left == self.burst {
            self.refilled = now;
        }
        self.left = self.left.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_a_burst_and_then_one_every_eight_seconds() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let mut spent = 0;
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            while budget.next(now) <= now {
                budget.spend(now);
                spent += 1;
            }
        }
        assert_eq!(spent, 2 + 7);
    }

    #[test]
    fn after_a_rest_the_burst_is_whole_again() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        budget.spend(start);
        budget.spend(start);
        let later = start + Duration::from_secs(100);
        assert_eq!(budget.next(later), later);
        budget.spend(later);
        assert_eq!(budget.next(later), later);
        budget.spend(later);
        assert_eq!(budget.next(later), later + REFILL);
    }
}
