//! The report: the shares, what they are made of, and who is behind them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::accounts::AccountList;
use super::counted::Outcome;
use super::counts::{Counts, Key, Request};
use super::day::Day;
use super::share::Share;

/// The days of a report if nobody says which: as many as Partner Center's has.
const USUAL: i64 = 7;

/// The days that a report is about, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) from: Day,
    pub(crate) to: Day,
}

/// The report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReport {
    /// Its days; `null` if nothing was counted and no day was named.
    pub(crate) span: Option<Span>,
    /// The share of enabled accounts with MFA registered, of each imported list; `null` if there is none.
    pub(crate) registered: Option<Vec<AccountList>>,
    /// Requests with a session.
    pub(crate) portal: Share,
    /// Requests with a token of a user.
    pub(crate) api: Share,
    /// Requests of applications without a user. They belong to no share.
    pub(crate) app_only: u64,
    /// The shares of each day.
    pub(crate) days: Vec<OfDay>,
    pub(crate) applications: Vec<Group>,
    pub(crate) tenants: Vec<Group>,
    pub(crate) routes: Vec<Group>,
    /// Users who were seen without MFA, the last first.
    pub(crate) without_mfa: Vec<WithoutMfa>,
    /// Whether more applications, tenants, routes or users came up than are told apart.
    pub(crate) is_cut: bool,
    /// The latest requests of users, the last first. They are downloads of their own.
    #[serde(skip)]
    pub(crate) latest: Vec<Request>,
}

/// The shares of a day.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfDay {
    pub(crate) day: Day,
    pub(crate) portal: Share,
    pub(crate) api: Share,
    pub(crate) app_only: u64,
}

/// The share of an application, a tenant or a route.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// The issuer's name; none for a route.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) issuer: String,
    /// The application's id, the tenant, or the route's pattern; empty if the token doesn't say.
    pub(crate) name: String,
    pub(crate) share: Share,
    /// Its requests without a user.
    pub(crate) app_only: u64,
}

/// A user who was seen without MFA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WithoutMfa {
    pub(crate) issuer: String,
    pub(crate) tenant: String,
    pub(crate) user: String,
    /// `session` for a portal, `bearer` for an API.
    pub(crate) credential: &'static str,
    /// The last time.
    pub(crate) last: String,
    pub(crate) route: String,
    pub(crate) application: String,
    pub(crate) requests: u64,
}

impl Counts {
    /// The report on these days; on the last seven, up to the newest decision, if none are named.
    pub(crate) fn report(&self, from: Option<Day>, to: Option<Day>) -> StatusReport {
        let span = self.span(from, to);
        let within = |day: Day| span.is_some_and(|span| span.from <= day && day <= span.to);
        let mut days: BTreeMap<Day, OfDay> = BTreeMap::new();
        let mut groups: [Groups; 3] = Default::default();
        let (mut portal, mut api, mut app_only) = (Share::default(), Share::default(), 0);
        for (key, outcomes) in &self.by_key {
            let Some(day) = key.day.filter(|day| within(*day)) else { continue };
            for (outcome, count) in outcomes {
                let of_day = days.entry(day).or_insert_with(|| OfDay::new(day));
                let (share, of_day_share) =
                    if key.portal { (&mut portal, &mut of_day.portal) } else { (&mut api, &mut of_day.api) };
                share.add(*outcome, *count);
                of_day_share.add(*outcome, *count);
                let applications = if *outcome == Outcome::AppOnly { *count } else { 0 };
                app_only += applications;
                of_day.app_only += applications;
                for (groups, name) in groups.iter_mut().zip(names(key)) {
                    groups.add(name, *outcome, *count);
                }
            }
        }
        let [applications, tenants, routes] = groups.map(Groups::finish);
        let is_shown = |request: &Request| request.time.get(..10).and_then(|day| day.parse().ok()).is_some_and(within);
        let latest = self.latest.iter().rev().map(|(_, request)| request).filter(|request| is_shown(request));
        StatusReport {
            span,
            registered: None,
            portal,
            api,
            app_only,
            days: days.into_values().collect(),
            applications,
            tenants,
            routes,
            without_mfa: self.without_mfa(within),
            is_cut: self.is_full,
            latest: latest.cloned().collect(),
        }
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
                credential: if key.portal { "session" } else { "bearer" },
                last: String::new(),
                route: String::new(),
                application: String::new(),
                requests: 0,
            });
            before.last = seen.at.to_rfc3339();
            before.route.clone_from(&seen.route);
            before.application.clone_from(&seen.application);
            before.requests += seen.count;
        }
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by(|one, other| other.last.cmp(&one.last));
        all
    }
}

impl OfDay {
    fn new(day: Day) -> Self {
        Self { day, portal: Share::default(), api: Share::default(), app_only: 0 }
    }
}

/// What a request belongs to: its application, its tenant and its route.
fn names(key: &Key) -> [(&str, &str); 3] {
    [(&key.issuer, &key.application), (&key.issuer, &key.tenant), ("", &key.route)]
}

#[derive(Default)]
struct Groups<'k>(BTreeMap<(&'k str, &'k str), (Share, u64)>);

impl<'k> Groups<'k> {
    fn add(&mut self, name: (&'k str, &'k str), outcome: Outcome, count: u64) {
        let (share, app_only) = self.0.entry(name).or_default();
        share.add(outcome, count);
        *app_only += if outcome == Outcome::AppOnly { count } else { 0 };
    }

    /// Those with the most requests without MFA first.
    fn finish(self) -> Vec<Group> {
        let group = |((issuer, name), (share, app_only)): ((&str, &str), _)| Group {
            issuer: issuer.to_owned(),
            name: name.to_owned(),
            share,
            app_only,
        };
        let mut groups: Vec<Group> = self.0.into_iter().map(group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.share.without_mfa(), group.share.requests)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counted::tests::line;
    use super::*;

    fn counts() -> Counts {
        let mut counts = Counts::default();
        let without = |more: serde_json::Value| {
            let mut changes = json!({"compliant": false, "user": "john", "application": "old"});
            changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            changes
        };
        let refused = json!({"decision": "deny", "grounds": null, "check": "mfa", "reason": "mfa_missing"});
        let lines = [
            json!({}),
            json!({"credential": "session"}),
            without(json!({"grounds": "off", "time": "2026-11-27T09:00:00.000Z"})),
            without(refused),
            without(json!({"grounds": "exempt", "credential": "session", "time": "2026-11-20T09:00:00.000Z"})),
            json!({"class": "app_only", "user": null, "application": "daemon"}),
            json!({"requirement": "public", "class": null}),
        ];
        for changes in lines {
            counts.decision(&line(changes)).unwrap();
        }
        counts
    }

    #[test]
    fn the_figures_are_those_of_the_last_seven_days() {
        let report = counts().report(None, None);
        assert_eq!(serde_json::to_value(report.span).unwrap(), json!({"from": "2026-11-22", "to": "2026-11-28"}));
        assert_eq!((report.portal.requests, report.portal.percent()), (1, Some(100)));
        let api = report.api;
        assert_eq!((api.requests, api.with_mfa, api.refused, api.off, api.percent()), (3, 1, 1, 1, Some(33)));
        assert_eq!((report.app_only, report.days.len()), (1, 2));
        assert_eq!((&*report.applications[0].name, report.applications[0].share.without_mfa()), ("old", 2));
        assert_eq!((&*report.routes[0].name, report.routes[0].share.requests), ("/v1/", 4));
        let [john] = &*report.without_mfa else { panic!("{:?}", report.without_mfa) };
        assert_eq!((&*john.user, john.requests, &*john.last), ("john", 2, "2026-11-28T10:00:00.000Z"));
        assert_eq!(report.latest.len(), 4);
    }

    #[test]
    fn other_days_can_be_asked_for() {
        let day = |text: &str| Some(text.parse().unwrap());
        let report = counts().report(day("2026-11-20"), day("2026-11-20"));
        assert_eq!((report.portal.exempt, report.portal.percent(), report.api.percent()), (1, Some(0), None));
        assert_eq!(report.without_mfa[0].credential, "session");
        let report = counts().report(day("2026-11-20"), None);
        assert_eq!(report.portal.requests + report.api.requests, 5);
    }

    #[test]
    fn no_data_is_no_share() {
        let report = Counts::default().report(None, None);
        assert_eq!((report.span, report.api.percent(), report.portal.percent()), (None, None, None));
    }
}
