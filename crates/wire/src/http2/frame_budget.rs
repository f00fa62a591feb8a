//! How many frames that carry nothing an HTTP/2 client may send.
//!
//! Pings, settings, resets, priorities, window updates and frames of unknown kinds cost the client nothing and the
//! gateway time (RFC 9113 section 10.5). Those that go with requests and responses are always within the budget.

use tokio::time::Instant;

/// How many may come at once, and how many more each second.
const BURST: u64 = 2000;
const RATE: u64 = 500;

/// How many more for each request, and for each KiB of a response.
const PER_REQUEST: u64 = 4;
const PER_KIB: u64 = 2;

/// How many frames are left.
#[derive(Debug)]
pub(super) struct FrameBudget {
    left: u64,
    refilled: Instant,
}

impl FrameBudget {
    pub(super) fn new() -> Self {
        Self { left: BURST, refilled: Instant::now() }
    }

    pub(super) fn note_request(&mut self) {
        self.refill(PER_REQUEST);
    }

    pub(super) fn note_response_data(&mut self, bytes: usize) {
        self.refill((bytes as u64 / 1024 + 1) * PER_KIB);
    }

    /// Spends a frame. Returns whether one was left.
    pub(super) fn spend(&mut self) -> bool {
        if self.left == 0 {
            let now = Instant::now();
            let passed = u64::try_from(now.duration_since(self.refilled).as_millis()).unwrap_or(u64::MAX);
            self.refill(passed.saturating_mul(RATE) / 1000);
            self.refilled = now;
        }
        let one = self.left > 0;
        self.left = self.left.saturating_sub(1);
        one
    }

    fn refill(&mut self, frames: u64) {
        self.left = self.left.saturating_add(frames).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(budget: &mut FrameBudget) -> u64 {
        (0..2 * BURST).find(|_| !budget.spend()).unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_ends_and_what_goes_with_requests_does_not() {
        let mut budget = FrameBudget::new();
        assert_eq!(spent(&mut budget), BURST);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(spent(&mut budget), 2 * RATE);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(spent(&mut budget), BURST);
        for _ in 0..10_000 {
            budget.note_request();
            budget.note_response_data(16 << 10);
            assert!((0..20).all(|_| budget.spend()));
        }
    }
}
