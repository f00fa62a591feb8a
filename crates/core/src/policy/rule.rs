//! What a caller has to meet: all that [`super::decide`] reads of a route.

use std::collections::BTreeSet;
use std::time::Duration;

use super::evidence::Proof;
use super::{Activation, AppOnlyRule, Context, Mode, Requirement, SenderConstraint};

/// What a caller has to meet. It says nothing of what is served: routes, operators and the library's layers have one each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The route that it is for, as the configuration writes it: exceptions may be for some routes alone.
    pub route: String,
    /// What a caller needs.
    pub requirement: Requirement,
    /// Whether app-only tokens are accepted.
    pub app_only: AppOnlyRule,
    /// Whether only tokens are accepted that are bound to their senders.
    pub sender: SenderConstraint,
    /// The tenants that may call, in lower case; all if absent.
    pub tenants: Option<BTreeSet<String>>,
    /// The tenant that a caller has to be signed in to.
    pub context: Context,
    /// The roles, by name, of which a caller needs one; none if absent.
    pub roles: Option<BTreeSet<String>>,
    /// Whether MFA findings are enforced, where no stage says otherwise of the caller.
    pub activation: Activation,
}

impl From<Requirement> for Rule {
    /// A rule that enforces the requirement, with the defaults for everything else.
    fn from(requirement: Requirement) -> Self {
        Self {
            route: String::new(),
            requirement,
            app_only: AppOnlyRule::Allow,
            sender: SenderConstraint::Any,
            tenants: None,
            context: Context::Any,
            roles: None,
            activation: Mode::Enforce.into(),
        }
    }
}

impl Rule {
    /// How long ago the caller may have authenticated: the shorter of what the route and the issuer allow.
    #[must_use]
    pub fn max_age(&self, proof: &Proof) -> Option<Duration> {
        let own = match self.requirement {
            Requirement::Mfa { max_age } => max_age,
            Requirement::Public | Requirement::Authenticated => None,
        };
        own.into_iter().chain(proof.issuer.mfa.max_age).min()
    }

    /// The same, by this rule if one decided, else by the issuer's alone.
    #[must_use]
    pub fn max_age_by(rule: Option<&Self>, proof: &Proof) -> Option<Duration> {
        rule.map_or(proof.issuer.mfa.max_age, |rule| rule.max_age(proof))
    }

    /// Whether the tenant may call. A token without a tenant is of no listed one.
    pub(super) fn admits_tenant(&self, tenant: Option<&str>) -> bool {
        match &self.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.contains(&tenant.to_ascii_lowercase())),
        }
    }

    /// Whether every caller who meets this rule meets `other` too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // Of both lists one member suffices, so the shorter list is the stricter one.
        let one_of = |own: &Option<BTreeSet<String>>, other: &Option<BTreeSet<String>>| match (own, other) {
            (_, None) => true,
            (Some(own), Some(other)) => own.is_subset(other),
            (None, Some(_)) => false,
        };
        let app_only = other.requirement == Requirement::Public || self.app_only.covers(&other.app_only);
        self.requirement.covers(other.requirement)
            && app_only
            && self.sender.covers(other.sender)
            && one_of(&self.tenants, &other.tenants)
            && self.context.covers(other.context)
            && one_of(&self.roles, &other.roles)
            && self.activation.covers(&other.activation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_with_fewer_roles_covers_one_with_more_of_the_same_and_no_other() {
        let rule = |roles: &[&str]| Rule {
            roles: (!roles.is_empty()).then(|| roles.iter().map(|&name| name.to_owned()).collect()),
            ..Requirement::Authenticated.into()
        };
        for (own, other, expected) in [
            (&["a"][..], &["a", "b"][..], true),
            (&["a", "b"], &["a"], false),
            (&["a"], &["b"], false),
            (&["a"], &[], true),
            (&[], &["a"], false),
            (&[], &[], true),
        ] {
            assert_eq!(rule(own).covers(&rule(other)), expected, "{own:?} {other:?}");
        }
        let public: Rule = Requirement::Public.into();
        assert!(rule(&["a"]).covers(&public) && !public.covers(&rule(&["a"])));
    }
}
