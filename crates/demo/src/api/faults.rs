//! What the API does wrong on request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use mfa_gateway_core::clock::Timestamp;

/// What can go wrong; by default nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiFaults {
    /// How many requests a second are answered; the others get 429. Partner Center's consents take 50 per application.
    pub requests_per_second: Option<u32>,
    /// How many of 100 requests get 503, at random.
    pub unavailable_percent: u8,
}

/// The faults, and how many requests this second has seen.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Running>);

#[derive(Debug, Default)]
struct Running {
    faults: ApiFaults,
    /// This second, and its requests so far.
    second: Option<Timestamp>,
    seen: u32,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    Served,
    TooMany,
    Unavailable,
}

impl Faults {
    pub(super) fn set(&self, faults: ApiFaults) {
        self.running().faults = faults;
    }

    pub(super) fn now(&self) -> ApiFaults {
        self.running().faults
    }

    /// Counts one request that arrives at this time.
    pub(super) fn draw(&self, now: Timestamp) -> Luck {
        let mut running = self.running();
        let fresh = running.second.replace(now) != Some(now);
        running.seen = if fresh { 1 } else { running.seen.saturating_add(1) };
        let (faults, seen) = (running.faults, running.seen);
        drop(running);
        if faults.requests_per_second.is_some_and(|most| seen > most) {
            return Luck::TooMany;
        }
        let mut die = [0];
        let thrown = aws_lc_rs::rand::fill(&mut die).is_ok();
        let [die] = die;
        let unlucky = thrown && u32::from(die) * 100 < u32::from(faults.unavailable_percent) * 256;
        if unlucky { Luck::Unavailable } else { Luck::Served }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_takes_so_many_requests_and_the_next_one_as_many_again() {
        let faults = Faults::default();
        faults.set(ApiFaults { requests_per_second: Some(2), ..ApiFaults::default() });
        let at = |second| faults.draw(Timestamp::from_secs(second));
        assert_eq!([at(1), at(1), at(1), at(2)], [Luck::Served, Luck::Served, Luck::TooMany, Luck::Served]);
    }

    #[test]
    fn the_share_of_bad_luck_goes_from_none_to_all() {
        let faults = Faults::default();
        let of = |unavailable_percent| {
            faults.set(ApiFaults { unavailable_percent, ..ApiFaults::default() });
            (0..200).filter(|_| faults.draw(Timestamp::from_secs(1)) == Luck::Unavailable).count()
        };
        assert_eq!([of(0), of(100)], [0, 200]);
        assert!((1..200).contains(&of(50)));
    }
}
