//! Counts of decisions, in bounded memory.

use std::collections::{BTreeMap, VecDeque};

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::UserKind;

use super::counted::Outcome;
use super::customers::LoggedCustomers;
use super::day::Day;
use super::share::Share;
use super::status::{Request, Span, StatusReport, USUAL, WithoutMfa, credential};
use super::totals::{Place, Totals};
use crate::journal::DecisionLine;

/// How many different requests, users and days are told apart. Further ones count, and are named by nothing.
const MAX_KEYS: usize = 200_000;

/// How many of the latest requests are kept: as many as Partner Center's download has.
const MAX_LATEST: usize = 10_000;

/// What requests are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) day: Option<Day>,
    pub(super) portal: bool,
    pub(super) issuer: String,
    pub(super) tenant: String,
    pub(super) application: String,
    pub(super) route: String,
    pub(super) exception: String,
}

impl Key {
    fn place(&self) -> Place<'_> {
        let Self { issuer, tenant, application, route, exception, .. } = self;
        Place { issuer, tenant, application, route, exception }
    }
}

/// A user without MFA, on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UserKey {
    pub(super) day: Day,
    pub(super) portal: bool,
    pub(super) issuer: String,
    pub(super) tenant: String,
    pub(super) user: String,
}

/// When such a user was last seen, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastSeen {
    pub(super) at: Timestamp,
    pub(super) route: String,
    pub(super) application: String,
    pub(super) kind: UserKind,
    /// What became of the requests, all of them without MFA.
    pub(super) share: Share,
}

/// All counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) by_key: BTreeMap<Key, BTreeMap<Outcome, u64>>,
    pub(super) users: BTreeMap<UserKey, LastSeen>,
    customers: LoggedCustomers,
    pub(super) latest: VecDeque<(Timestamp, Request)>,
    /// Whether there were more than are told apart.
    pub(super) is_full: bool,
    /// The newest decision.
    pub(super) newest: Option<Timestamp>,
}

impl Counts {
    /// Counts a decision.
    ///
    /// # Errors
    ///
    /// If its time isn't one.
    pub(super) fn decision(&mut self, line: &DecisionLine<'_>) -> Result<(), String> {
        let at = Timestamp::parse(&line.time).ok_or("`time` is not a date and time (RFC 3339)")?;
        self.newest = self.newest.max(Some(at));
        let Some(outcome) = Outcome::of(line) else { return Ok(()) };
        let own = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        let (day, portal) = (Day::of(at), line.credential == "session");
        self.customers.count(day, line, outcome);
        let key = Key {
            day: Some(day),
            portal,
            issuer: own(&line.issuer),
            tenant: own(&line.tenant),
            application: own(&line.application),
            route: line.route.clone().into_owned(),
            exception: own(&line.exception),
        };
        if outcome.is_without_mfa() {
            let (issuer, tenant, user) = (key.issuer.clone(), key.tenant.clone(), own(&line.user));
            let kind = UserKind::from_name(line.user_kind.as_deref());
            let (route, application, share) = (key.route.clone(), key.application.clone(), Share::default());
            let seen = LastSeen { at, route, application, kind, share };
            self.user(UserKey { day, portal, issuer, tenant, user }, seen, outcome);
        }
        if outcome != Outcome::AppOnly {
            self.request(at, line, &key, !outcome.is_without_mfa());
        }
        self.add(key, outcome);
        Ok(())
    }

    /// The report on these days; on the last seven, up to the newest decision, if none are named.
    pub(crate) fn report(&self, from: Option<Day>, to: Option<Day>) -> StatusReport {
        let span = self.span(from, to);
        let within = |day: Day| span.is_some_and(|span| span.from <= day && day <= span.to);
        let mut totals = Totals::with(self.customers.totals(within));
        for (key, outcomes) in &self.by_key {
            let Some(day) = key.day.filter(|day| within(*day)) else { continue };
            for (outcome, count) in outcomes {
                totals.add_to_day(day, key.portal, *outcome, *count);
                totals.add(key.place(), *outcome, *count);
            }
        }
        let is_shown = |request: &Request| request.time.get(..10).and_then(|day| day.parse().ok()).is_some_and(within);
        let latest = self.latest.iter().rev().map(|(_, request)| request).filter(|request| is_shown(request));
        let latest = latest.cloned().collect();
        let report = totals.finish(span, self.without_mfa(within));
        StatusReport { is_cut: report.is_cut || self.is_full, latest, ..report }
    }

    fn span(&self, from: Option<Day>, to: Option<Day>) -> Option<Span> {
        let to = to.or(self.newest.map(Day::of)).or(from)?;
        Some(Span { from: from.unwrap_or(to.minus(USUAL - 1)), to })
    }

    fn without_mfa(&self, within: impl Fn(Day) -> bool) -> Vec<WithoutMfa> {
        let mut all: BTreeMap<_, WithoutMfa> = BTreeMap::new();
        // The days of a user come one after the other, so that the last one's visit stays.
        for (key, seen) in self.users.iter().filter(|(key, _)| within(key.day)) {
            let of_user = all.entry((key.portal, &key.issuer, &key.tenant, &key.user));
            let before = of_user.or_insert_with(|| WithoutMfa {
                issuer: key.issuer.clone(),
                tenant: key.tenant.clone(),
                user: key.user.clone(),
                name: String::new(),
                credential: credential(key.portal).into(),
                last: String::new(),
                route: String::new(),
                application: String::new(),
                kind: None,
                requests: 0,
                refused: 0,
                exempt: 0,
                report_only: 0,
                off: 0,
            });
            before.last = seen.at.to_rfc3339();
            before.route.clone_from(&seen.route);
            before.application.clone_from(&seen.application);
            before.kind = seen.kind.name().map(Into::into).or(before.kind.take());
            before.requests += seen.share.requests;
            before.refused += seen.share.refused;
            before.exempt += seen.share.exempt;
            before.report_only += seen.share.report_only;
            before.off += seen.share.off;
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by(|one, other| other.last.cmp(&one.last));
        all
    }

    fn add(&mut self, key: Key, outcome: Outcome) {
        let is_new = !self.by_key.contains_key(&key);
        self.is_full |= is_new && self.by_key.len() >= MAX_KEYS;
        // The day and the kind of credential still hold.
        let key = if is_new && self.by_key.len() >= MAX_KEYS {
            Key { day: key.day, portal: key.portal, ..Key::default() }
        } else {
            key
        };
        *self.by_key.entry(key).or_default().entry(outcome).or_default() += 1;
    }

    fn user(&mut self, user: UserKey, seen: LastSeen, outcome: Outcome) {
        if !self.users.contains_key(&user) && self.users.len() >= MAX_KEYS {
            self.is_full = true;
            return;
        }
        let last = self.users.entry(user).or_insert_with(|| seen.clone());
        let mut share = last.share;
        share.add(outcome, 1);
        *last = LastSeen { share, ..if seen.at >= last.at { seen } else { last.clone() } };
    }

    fn request(&mut self, at: Timestamp, line: &DecisionLine<'_>, key: &Key, compliant: bool) {
        let request = Request {
            time: at.to_rfc3339(),
            request_id: line.request_id.clone().into_owned(),
            correlation_id: line.correlation_id.clone().into_owned(),
            operation: format!("{} {}", line.method, line.route),
            address: line.client.map(|client| client.to_string()),
            credential: credential(key.portal).into(),
            issuer: key.issuer.clone(),
            tenant: key.tenant.clone(),
            user: line.user.as_deref().unwrap_or_default().to_owned(),
            name: String::new(),
            application: key.application.clone(),
            compliant,
        };
        // A log is in order, but for a few lines; several logs are not.
        let place = self.latest.iter().rposition(|(other, _)| *other <= at).map_or(0, |place| place + 1);
        self.latest.insert(place, (at, request));
        if self.latest.len() > MAX_LATEST {
            self.latest.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counted::tests::line;
    use super::*;

    #[test]
    fn the_latest_requests_are_in_order_whatever_order_they_come_in() {
        let mut counts = Counts::default();
        for second in [5, 1, 9, 3, 7] {
            let time = format!("2026-11-28T10:00:0{second}.000Z");
            counts.decision(&line(json!({"time": time, "request_id": second.to_string()}))).unwrap();
        }
        let ids: String = counts.latest.iter().map(|(_, request)| &*request.request_id).collect();
        assert_eq!(ids, "13579");
        assert_eq!(counts.newest, Timestamp::parse("2026-11-28T10:00:09.000Z"));
    }

    #[test]
    fn of_a_user_without_mfa_the_last_visit_is_kept() {
        let mut counts = Counts::default();
        for (hour, route) in [("10", "/v1/"), ("12", "/v2/"), ("11", "/v3/")] {
            let time = format!("2026-11-28T{hour}:00:00.000Z");
            let changes = json!({"time": time, "route": route, "compliant": false, "grounds": "off"});
            counts.decision(&line(changes)).unwrap();
        }
        let (_, last) = counts.users.first_key_value().unwrap();
        assert_eq!((counts.users.len(), last.share.requests, &*last.route), (1, 3, "/v2/"));
    }

    #[test]
    fn a_line_without_a_time_is_told() {
        assert!(Counts::default().decision(&line(json!({"time": "yesterday"}))).is_err());
    }
}
