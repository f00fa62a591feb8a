//! What this process knows of the store: the rows that are open or granted, and the time there.
//!
//! The end of an exception is judged by the store's clock, of which only what goes forward is believed, and by the
//! gateway's own: a clock that is set back extends none.

use std::collections::HashMap;
use std::time::Instant;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{self, ExceptionSet};
use mfa_gateway_store::{Exception, Register};

use super::entry::routes;
use super::state::State;

/// What is known of the store.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) mark: i64,
    /// Those requested or approved.
    pub(super) rows: Vec<Exception>,
    /// The store's clock at this moment, which never goes back.
    clock: (i64, Instant),
    /// When the store was last read.
    pub(super) heard: Option<Instant>,
    /// When one begins or ends next, by the store's clock; at once if something has changed.
    pub(super) next: i64,
    /// What was warned of, and how much.
    pub(super) told: HashMap<String, usize>,
    pub(super) is_failing: bool,
    pub(super) is_suspended: bool,
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            mark: -1,
            rows: Vec::new(),
            clock: (0, Instant::now()),
            heard: None,
            next: i64::MIN,
            told: HashMap::new(),
            is_failing: false,
            is_suspended: false,
        }
    }
}

impl Keeper {
    pub(super) fn take(&mut self, register: Register, began: Instant) {
        let known = self.now();
        self.clock = (known.max(register.now), Instant::now());
        (self.heard, self.mark) = (Some(began), register.mark);
        if let Some(rows) = register.rows {
            (self.rows, self.next) = (rows, i64::MIN);
        }
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("the store of exceptions can be reached again");
        }
    }

    /// The store's clock now, which never goes back: a clock that is set back extends no exception.
    pub(super) fn now(&self) -> i64 {
        let (at, since) = self.clock;
        at.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// What is in force at this time, and until when that stays so.
    pub(super) fn granted(&mut self, at: i64) -> ExceptionSet {
        let times = self.rows.iter().flat_map(|row| [row.asked.starts, row.asked.ends]);
        self.next = times.filter(|&time| time > at).min().unwrap_or(i64::MAX);
        let active = self.rows.iter().filter(|row| State::of(row, at) == State::Active);
        ExceptionSet::new(active.map(in_force).collect())
    }
}

/// What the rule reads of a row.
fn in_force(row: &Exception) -> policy::Exception {
    let asked = &row.asked;
    let condition = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    policy::Exception {
        id: asked.id.clone(),
        owner: asked.owner.clone(),
        reason: asked.reason.clone(),
        // It has begun by the store's clock, which all replicas share.
        begins: None,
        expires: Timestamp::from_millis(asked.ends),
        application: condition(&asked.application),
        user: condition(&asked.user),
        tenant: condition(&asked.tenant),
        issuer: condition(&asked.issuer),
        routes: routes(&asked.routes),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mfa_gateway_store::NewException;

    use super::*;

    fn row(id: &str, state: &str, starts: i64, ends: i64) -> Exception {
        let asked = NewException { id: id.to_owned(), user: "u".to_owned(), starts, ends, ..NewException::default() };
        Exception { asked, state: state.to_owned(), ..Exception::default() }
    }

    fn read(keeper: &mut Keeper, now: i64, rows: Option<Vec<Exception>>) -> (Vec<String>, i64) {
        keeper.take(Register { now, mark: 1, rows }, Instant::now());
        let at = keeper.now();
        let granted = keeper.granted(at).iter().map(|one| one.id.clone()).collect();
        (granted, keeper.next)
    }

    #[test]
    fn a_clock_that_is_set_back_extends_no_exception_and_begins_none_again() {
        let hour = 3_600_000;
        let mut keeper = Keeper::default();
        let rows = vec![
            row("asked", "requested", 0, 9 * hour),
            row("short", "approved", 0, 2 * hour),
            row("long", "approved", 0, 5 * hour),
            row("later", "approved", 4 * hour, 5 * hour),
            row("gone", "revoked", 0, 9 * hour),
        ];
        assert_eq!(read(&mut keeper, hour, Some(rows)), (vec!["short".to_owned(), "long".to_owned()], 2 * hour));
        assert_eq!(read(&mut keeper, 3 * hour, None), (vec!["long".to_owned()], 4 * hour));
        assert_eq!(read(&mut keeper, hour, None).0, ["long"], "set back");
        assert_eq!(read(&mut keeper, 4 * hour, None), (vec!["long".to_owned(), "later".to_owned()], 5 * hour));
        let none: (Vec<String>, i64) = (Vec::new(), 9 * hour);
        assert_eq!(read(&mut keeper, 6 * hour, None), none);
        assert_eq!(read(&mut keeper, 0, None), none, "set back");
    }

    #[test]
    fn without_the_store_its_clock_goes_on() {
        let mut keeper = Keeper::default();
        read(&mut keeper, 1_000, Some(vec![row("short", "approved", 0, 1_050)]));
        std::thread::sleep(Duration::from_millis(60));
        let at = keeper.now();
        assert!(at >= 1_060 && at >= keeper.next && keeper.granted(at).iter().next().is_none());
    }

    #[test]
    fn every_condition_of_a_row_counts_and_an_unreadable_one_matches_nothing() {
        let text = str::to_owned;
        let mut all = row("all", "approved", 0, 9);
        (all.asked.application, all.asked.tenant, all.asked.issuer) = (text("a"), text("t"), text("i"));
        all.asked.routes = text("[\"/v1/\"]");
        let found = in_force(&all);
        assert_eq!((found.application, found.user), (Some(text("a")), Some(text("u"))));
        assert_eq!(
            (found.tenant, found.issuer, found.routes),
            (Some(text("t")), Some(text("i")), Some(vec![text("/v1/")]))
        );
        assert_eq!(found.expires, Timestamp::from_millis(9));
        let plain = in_force(&row("plain", "approved", 0, 9));
        assert_eq!((plain.application, plain.tenant, plain.issuer, plain.routes), (None, None, None, None));
        all.asked.routes = text("[\"/v1/");
        assert_eq!(in_force(&all).routes, Some(Vec::new()));
    }
}
