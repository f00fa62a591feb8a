//! Delegations: for which customers a partner's users may act, until when, and with which roles.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::Timestamp;

/// A delegation of a customer to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The partner's tenant, where its users are at home.
    pub partner: String,
    /// The customer's tenant.
    pub customer: String,
    /// Of the roles that a route asks for, those that count for this customer, by name.
    pub roles: BTreeSet<String>,
    /// The first moment at which it holds.
    pub from: Timestamp,
    /// The first moment at which it no longer holds.
    pub until: Timestamp,
}

impl Delegation {
    /// The longest time that one lasts: two years, as for granular delegated admin privileges (GDAP).
    pub const LONGEST: Duration = Duration::from_secs(730 * 86_400);
    /// How long before its end a delegation's end is warned of.
    pub const SOON: Duration = Duration::from_secs(30 * 86_400);

    /// Whether it holds at this moment.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it has begun and ended.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> DelegationState {
        match (self.holds(now), self.until <= now) {
            (true, _) => DelegationState::Active,
            (false, true) => DelegationState::Ended,
            (false, false) => DelegationState::Pending,
        }
    }

    /// Whether this one goes on when the other one ends, with all its roles.
    fn renews(&self, other: &Self) -> bool {
        self.from <= other.until && self.until > other.until && self.roles.is_superset(&other.roles)
    }
}

/// Whether a delegation has begun and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegationState {
    /// It hasn't begun.
    Pending,
    /// It holds.
    Active,
    /// It has ended.
    Ended,
}

impl DelegationState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Active, Self::Ended];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

/// How a partner stands to a customer at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'d> {
    /// There is no delegation, or none has begun.
    Stranger,
    /// There was one, and it has ended.
    Ended,
    /// At least one holds. These are the roles of all that do.
    Delegate(Delegated<'d>),
}

/// The delegations that hold between a partner and a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated<'d> {
    all: &'d [Delegation],
    now: Timestamp,
}

impl Delegated<'_> {
    /// Whether one of them has the role.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.all.iter().any(|one| one.holds(self.now) && one.roles.contains(role))
    }
}

/// All delegations, and the partners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegations {
    partners: BTreeSet<String>,
    customers: BTreeSet<String>,
    /// By partner, then by customer.
    by_partner: BTreeMap<String, BTreeMap<String, Vec<Delegation>>>,
}

impl Delegations {
    /// No delegation and no partner.
    #[must_use]
    pub const fn none() -> Self {
        Self { partners: BTreeSet::new(), customers: BTreeSet::new(), by_partner: BTreeMap::new() }
    }

    /// Collects delegations. Their partners are partners too.
    #[must_use]
    pub fn new(partners: impl IntoIterator<Item = String>, delegations: Vec<Delegation>) -> Self {
        let mut all =
            Self { partners: partners.into_iter().map(|one| one.to_ascii_lowercase()).collect(), ..Self::none() };
        for one in delegations {
            let (partner, customer) = (one.partner.to_ascii_lowercase(), one.customer.to_ascii_lowercase());
            all.partners.insert(partner.clone());
            all.customers.insert(customer.clone());
            all.by_partner.entry(partner).or_default().entry(customer).or_default().push(one);
        }
        all
    }

    /// The partners' tenants, in lower case.
    #[must_use]
    pub fn partners(&self) -> &BTreeSet<String> {
        &self.partners
    }

    /// All of them, by partner and customer.
    pub fn iter(&self) -> impl Iterator<Item = &Delegation> {
        self.by_partner.values().flat_map(BTreeMap::values).flatten()
    }

    /// Whether another one of the same tenants goes on when this one ends, with all its roles.
    #[must_use]
    pub fn is_renewed(&self, one: &Delegation) -> bool {
        let of_partner = self.by_partner.get(&*lower(&one.partner));
        let same = of_partner.and_then(|customers| customers.get(&*lower(&one.customer)));
        same.into_iter().flatten().any(|other| other.renews(one))
    }

    /// Those that hold, end within this time, and aren't renewed.
    pub fn ending(&self, within: Duration, now: Timestamp) -> impl Iterator<Item = &Delegation> {
        let ends = move |one: &&Delegation| one.holds(now) && one.until.since(now) <= within;
        self.iter().filter(ends).filter(|one| !self.is_renewed(one))
    }

    /// Whether the tenant is a partner's, in any letter case.
    #[must_use]
    pub fn is_partner(&self, tenant: &str) -> bool {
        self.partners.contains(&*lower(tenant))
    }

    /// Whether a customer delegates, or did or will, in any letter case.
    #[must_use]
    pub fn is_customer(&self, tenant: &str) -> bool {
        self.customers.contains(&*lower(tenant))
    }

    /// How a partner stands to a customer at this moment. Tenants are compared in any letter case.
    #[must_use]
    pub fn standing(&self, partner: &str, customer: &str, now: Timestamp) -> Standing<'_> {
        let found = self.by_partner.get(&*lower(partner)).and_then(|customers| customers.get(&*lower(customer)));
        match found {
            Some(all) if all.iter().any(|one| one.holds(now)) => Standing::Delegate(Delegated { all, now }),
            Some(all) if all.iter().any(|one| one.until <= now) => Standing::Ended,
            _ => Standing::Stranger,
        }
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delegation(roles: &[&str], from: i64, until: i64) -> Delegation {
        Delegation {
            partner: "P".to_owned(),
            customer: "c".to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            from: Timestamp::from_secs(from),
            until: Timestamp::from_secs(until),
        }
    }

    #[test]
    fn a_delegation_holds_from_its_first_moment_until_its_last() {
        let all = Delegations::new([], vec![delegation(&["a"], 10, 20)]);
        let at = |secs| all.standing("p", "C", Timestamp::from_secs(secs));
        assert_eq!((at(9), at(20)), (Standing::Stranger, Standing::Ended));
        for secs in [10, 19] {
            assert!(matches!(at(secs), Standing::Delegate(_)), "{secs}");
        }
        assert_eq!(all.standing("c", "P", Timestamp::from_secs(10)), Standing::Stranger);
        assert_eq!(all.standing("p", "p", Timestamp::from_secs(10)), Standing::Stranger);
    }

    #[test]
    fn roles_are_those_of_the_delegations_that_hold_and_of_no_others() {
        let all = Delegations::new(
            [],
            vec![
                delegation(&["old"], 0, 10),
                delegation(&["a"], 5, 30),
                delegation(&["b"], 10, 20),
                delegation(&[], 0, 99),
            ],
        );
        let has = |secs: i64, role: &str| match all.standing("p", "c", Timestamp::from_secs(secs)) {
            Standing::Delegate(delegated) => delegated.has(role),
            _ => false,
        };
        for (secs, role, expected) in [
            (9, "old", true),
            (10, "old", false),
            (10, "a", true),
            (10, "b", true),
            (20, "b", false),
            (20, "a", true),
            (20, "c", false),
        ] {
            assert_eq!(has(secs, role), expected, "{role} at {secs}");
        }
    }

    #[test]
    fn what_ends_soon_and_isnt_renewed_is_told_apart() {
        let all = Delegations::new(
            [],
            vec![delegation(&["a"], 0, 20), delegation(&["a", "b"], 15, 40), delegation(&["c"], 60, 90)],
        );
        let at = Timestamp::from_secs;
        let states = |now| all.iter().map(|one| one.state(at(now)).name()).collect::<Vec<_>>();
        assert_eq!(states(19), ["active", "active", "pending"]);
        assert_eq!(states(40), ["ended", "ended", "pending"]);
        let ending = |within, now| all.ending(Duration::from_secs(within), at(now)).count();
        assert_eq!([ending(10, 15), ending(9, 30), ending(10, 30), ending(10, 50)], [0, 0, 1, 0]);
        assert_eq!(all.iter().map(|one| all.is_renewed(one)).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn partners_are_those_listed_and_those_with_a_delegation() {
        let all = Delegations::new(["Q".to_owned()], vec![delegation(&[], 0, 1)]);
        assert!(all.is_partner("q") && all.is_partner("p") && !all.is_partner("c"));
        assert!(all.is_customer("C") && !all.is_customer("p") && !all.is_customer("q"));
        assert!(!Delegations::none().is_partner("p"));
    }
}
