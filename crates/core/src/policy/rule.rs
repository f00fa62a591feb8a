//! What a caller has to meet: all that [`super::decide`] reads of a route.

use std::collections::BTreeSet;
use std::time::Duration;

use super::evidence::Proof;
use super::{Activation, AppOnlyRule, Mode, Requirement};

/// What a caller has to meet. It says nothing of what is served: routes, operators and the library's layers have one each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The route that it is for, as the configuration writes it: exceptions may be for some routes alone.
    pub route: String,
    /// What a caller needs.
    pub requirement: Requirement,
    /// Whether app-only tokens are accepted.
    pub app_only: AppOnlyRule,
    /// The tenants that may call, in lower case; all if absent.
    pub tenants: Option<BTreeSet<String>>,
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
            tenants: None,
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
        let tenants = match (&self.tenants, &other.tenants) {
            (_, None) => true,
            (Some(own), Some(other)) => own.is_subset(other),
            (None, Some(_)) => false,
        };
        let app_only = other.requirement == Requirement::Public || self.app_only.covers(&other.app_only);
        self.requirement.covers(other.requirement) && app_only && tenants && self.activation.covers(&other.activation)
    }
}
