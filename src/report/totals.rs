//! The totals of a report: decisions added up by day, application, tenant, route and exception.

use std::collections::BTreeMap;

use super::counted::Outcome;
use super::customers::CustomerTotals;
use super::day::Day;
use super::share::Share;
use super::status::{Group, OfDay, Span, StatusReport, Used, WithoutMfa};

/// What a decision belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) issuer: &'p str,
    pub(super) tenant: &'p str,
    pub(super) application: &'p str,
    pub(super) route: &'p str,
    pub(super) exception: &'p str,
}

/// The totals so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    days: BTreeMap<Day, OfDay>,
    applications: Groups,
    tenants: Groups,
    routes: Groups,
    exceptions: BTreeMap<String, u64>,
    pub(super) customers: CustomerTotals,
}

impl Totals {
    /// Totals that have those of customers.
    pub(super) fn with(customers: CustomerTotals) -> Self {
        Self { customers, ..Self::default() }
    }

    /// Adds decisions to their day, and to the whole.
    pub(super) fn add_to_day(&mut self, day: Day, portal: bool, outcome: Outcome, count: u64) {
        let of_day = self.days.entry(day).or_insert_with(|| OfDay::new(day));
        let share = if portal { &mut of_day.portal } else { &mut of_day.api };
        share.add(outcome, count);
        if outcome == Outcome::AppOnly {
            of_day.app_only = of_day.app_only.saturating_add(count);
        }
    }

    /// Adds decisions to what they belong to.
    pub(super) fn add(&mut self, of: Place<'_>, outcome: Outcome, count: u64) {
        self.applications.add((of.issuer, of.application), outcome, count);
        self.tenants.add((of.issuer, of.tenant), outcome, count);
        self.routes.add(("", of.route), outcome, count);
        if !of.exception.is_empty() {
            *self.exceptions.entry(of.exception.to_owned()).or_default() += count;
        }
    }

    /// The report.
    pub(super) fn finish(self, span: Option<Span>, without_mfa: Vec<WithoutMfa>) -> StatusReport {
        let (mut portal, mut api, mut app_only) = (Share::default(), Share::default(), 0_u64);
        for day in self.days.values() {
            portal.add_share(&day.portal);
            api.add_share(&day.api);
            app_only = app_only.saturating_add(day.app_only);
        }
        let used = |(exception, requests)| Used { exception, requests };
        let mut exceptions: Vec<_> = self.exceptions.into_iter().map(used).collect();
        exceptions.sort_by_key(|used| std::cmp::Reverse(used.requests));
        let (customers, is_cut) = self.customers.finish();
        StatusReport {
            span,
            registered: None,
            portal,
            api,
            app_only,
            days: self.days.into_values().collect(),
            applications: self.applications.finish(),
            tenants: self.tenants.finish(),
            routes: self.routes.finish(),
            customers,
            exceptions,
            without_mfa,
            is_cut,
            latest: Vec::new(),
        }
    }
}

impl OfDay {
    fn new(day: Day) -> Self {
        Self { day, portal: Share::default(), api: Share::default(), app_only: 0 }
    }
}

/// Shares by the names of an issuer and of what is its.
#[derive(Debug, Default)]
struct Groups(BTreeMap<String, BTreeMap<String, (Share, u64)>>);

impl Groups {
    fn add(&mut self, (issuer, name): (&str, &str), outcome: Outcome, count: u64) {
        // Most are there already.
        if !self.0.contains_key(issuer) {
            self.0.insert(issuer.to_owned(), BTreeMap::new());
        }
        let Some(of_issuer) = self.0.get_mut(issuer) else { return };
        if !of_issuer.contains_key(name) {
            of_issuer.insert(name.to_owned(), <(Share, u64)>::default());
        }
        let Some((share, app_only)) = of_issuer.get_mut(name) else { return };
        share.add(outcome, count);
        *app_only += if outcome == Outcome::AppOnly { count } else { 0 };
    }

    /// Those with the most requests without MFA first.
    fn finish(self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (issuer, of_issuer) in self.0 {
            let group = |(name, (share, app_only))| Group { issuer: issuer.clone(), name, share, app_only };
            groups.extend(of_issuer.into_iter().map(group));
        }
        groups.sort_by_key(|group| std::cmp::Reverse((group.share.without_mfa(), group.share.requests)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counted::tests::line;
    use super::super::counts::Counts;

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
