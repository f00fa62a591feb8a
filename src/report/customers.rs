//! What is counted of customers: the requests about each, by the partner that they came from.
//!
//! Only routes with a customer's context name one. A stranger can't make customers up: one counts who has a delegation in the
//! configuration, or whose own token came.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counted::Outcome;
use super::day::Day;
use super::share::Share;
use crate::journal::{Customer, DecisionLine};

/// How many customers, each with a partner, are told apart on a day, and in a report. The others are added up.
pub(super) const MOST: usize = 10_000;

/// A customer and the partner that a request about it came from, in any letter case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair<'p> {
    pub(super) customer: &'p str,
    /// Empty for applications, and where it isn't known.
    pub(super) partner: &'p str,
}

/// What became of requests about a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    pub(super) share: Share,
    pub(super) app_only: u64,
    pub(super) by_context: u64,
}

/// The requests about a customer that came from a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfCustomer {
    /// The issuer's name.
    pub(crate) issuer: String,
    /// The customer's tenant; empty for all that are not told apart.
    pub(crate) customer: String,
    /// The home tenant of the users; empty for applications, and where it isn't known.
    pub(crate) partner: String,
    pub(crate) share: Share,
    /// Requests without a user.
    pub(crate) app_only: u64,
    /// Of the users' and the applications' requests, those that were refused because of the context or the delegation:
    /// `wrong_context`, `no_delegation`, `delegation_ended` and `role_not_delegated`.
    pub(crate) refused_by_context: u64,
}

impl<'p> Pair<'p> {
    /// Whose request it is; nothing if it counts for no customer.
    pub(super) fn of(
        customer: Customer<'p>,
        tenant: Option<&str>,
        home: Option<&'p str>,
        outcome: Outcome,
    ) -> Option<Self> {
        let is_own = tenant.is_some_and(|tenant| tenant.eq_ignore_ascii_case(customer.id));
        let partner = home.filter(|_| outcome != Outcome::AppOnly).unwrap_or_default();
        (is_own || customer.delegates).then_some(Self { customer: customer.id, partner })
    }

    /// The same of a line of the log.
    fn of_line(line: &'p DecisionLine<'_>, outcome: Outcome) -> Option<Self> {
        let customer = Customer { id: line.customer.as_deref()?, delegates: line.customer_delegates };
        Self::of(customer, line.tenant.as_deref(), line.home_tenant.as_deref(), outcome)
    }
}

impl Requests {
    pub(super) fn add(&mut self, outcome: Outcome, count: u64, by_context: bool) {
        self.share.add(outcome, count);
        let add = |sum: &mut u64, counts: bool| *sum = sum.saturating_add(if counts { count } else { 0 });
        add(&mut self.app_only, outcome == Outcome::AppOnly);
        add(&mut self.by_context, by_context);
    }

    fn add_requests(&mut self, other: &Self) {
        self.share.add_share(&other.share);
        self.app_only = self.app_only.saturating_add(other.app_only);
        self.by_context = self.by_context.saturating_add(other.by_context);
    }
}

/// The totals of customers: by issuer, customer and partner. Those that are not told apart have no names.
#[derive(Debug, Default)]
pub(super) struct CustomerTotals(BTreeMap<[String; 3], Requests>);

impl CustomerTotals {
    pub(super) fn add(&mut self, names: [String; 3], requests: &Requests) {
        self.0.entry(names).or_default().add_requests(requests);
    }

    /// Those with the most requests without MFA first and the rest, which is added up, last; and whether there is a rest.
    pub(super) fn finish(mut self) -> (Vec<OfCustomer>, bool) {
        let mut rest = self.0.remove(&[(); 3].map(|()| String::new()));
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_by_key(|(_, Requests { share, by_context, .. })| {
            Reverse((share.without_mfa(), share.requests, *by_context))
        });
        for (_, requests) in all.drain(MOST.min(all.len())..) {
            rest.get_or_insert_default().add_requests(&requests);
        }
        all.extend(rest.map(|rest| (Default::default(), rest)));
        let of = |([issuer, customer, partner], requests): ([String; 3], Requests)| {
            let Requests { share, app_only, by_context: refused_by_context } = requests;
            OfCustomer { issuer, customer, partner, share, app_only, refused_by_context }
        };
        (all.into_iter().map(of).collect(), rest.is_some())
    }
}

/// The customers of a log, of each day as many as are told apart.
#[derive(Debug, Default)]
pub(super) struct LoggedCustomers(BTreeMap<Day, BTreeMap<[String; 3], Requests>>);

impl LoggedCustomers {
    /// Counts a decision, if it is about a customer.
    pub(super) fn count(&mut self, day: Day, line: &DecisionLine<'_>, outcome: Outcome) {
        let Some(Pair { customer, partner }) = Pair::of_line(line, outcome) else { return };
        let issuer = line.issuer.as_deref().unwrap_or_default().to_owned();
        let names = [issuer, customer.to_ascii_lowercase(), partner.to_ascii_lowercase()];
        let of_day = self.0.entry(day).or_default();
        let is_told_apart = of_day.len() < MOST || of_day.contains_key(&names);
        let names = if is_told_apart { names } else { Default::default() };
        of_day.entry(names).or_default().add(outcome, 1, Outcome::is_line_by_context(line));
    }

    /// The totals of these days.
    pub(super) fn totals(&self, within: impl Fn(Day) -> bool) -> CustomerTotals {
        let mut totals = CustomerTotals::default();
        for (_, of_day) in self.0.iter().filter(|(day, _)| within(**day)) {
            for (names, requests) in of_day {
                totals.add(names.clone(), requests);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::counted::tests::line;
    use super::*;

    fn of(changes: Value) -> Option<[String; 2]> {
        let line = line(changes);
        let pair = Pair::of_line(&line, Outcome::of(&line)?)?;
        Some([pair.customer, pair.partner].map(str::to_owned))
    }

    #[test]
    fn a_customer_counts_by_its_own_token_or_its_delegation_alone() {
        let own = json!({"customer": "T", "home_tenant": "p"});
        assert_eq!(of(own).unwrap(), ["T", "p"]);
        assert_eq!(of(json!({"customer": "T"})).unwrap(), ["T", ""]);
        assert_eq!(of(json!({})), None);
        let refused = |changes: Value| {
            let mut all = json!({"customer": "made up", "home_tenant": "p", "decision": "deny", "grounds": null,
                "check": "route", "reason": "wrong_context"});
            all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            of(all)
        };
        assert_eq!(refused(json!({})), None);
        assert_eq!(refused(json!({"tenant": null})), None);
        assert_eq!(refused(json!({"customer_delegates": true})).unwrap(), ["made up", "p"]);
        assert_eq!(refused(json!({"customer": "t", "class": "app_only", "user": null})).unwrap(), ["t", ""]);
        let invalid = json!({"customer": "t", "customer_delegates": true, "decision": "deny", "check": "signature",
            "class": null, "tenant": null, "issuer": null});
        assert_eq!(of(invalid), None);
    }

    #[test]
    fn customers_beyond_the_limit_are_added_up() {
        let mut logged = LoggedCustomers::default();
        let day = "2026-11-28".parse().unwrap();
        let mut count = |customer: usize| {
            let changes = json!({"customer": customer.to_string(), "customer_delegates": true, "home_tenant": "p"});
            logged.count(day, &line(changes), Outcome::Refused);
        };
        (0..MOST + 7).chain([3, MOST + 1]).for_each(&mut count);
        let (all, is_cut) = logged.totals(|_| true).finish();
        assert_eq!((all.len(), is_cut), (MOST + 1, true));
        assert_eq!((&*all[0].customer, all[0].share.refused), ("3", 2));
        let rest = all.last().unwrap();
        assert_eq!((&*rest.issuer, &*rest.customer, rest.share.refused), ("", "", 8));
        let (none, is_cut) = logged.totals(|_| false).finish();
        assert_eq!((none.len(), is_cut), (0, false));
        let mut totals = CustomerTotals::default();
        for customer in 0..MOST + 2 {
            let mut requests = Requests::default();
            requests.add(Outcome::Off, 1, false);
            totals.add(["entra".to_owned(), customer.to_string(), String::new()], &requests);
        }
        let (all, is_cut) = totals.finish();
        assert_eq!((all.len(), all[MOST].share.off, is_cut), (MOST + 1, 2, true));
    }
}
