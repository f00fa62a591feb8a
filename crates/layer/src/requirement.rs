//! What a route of a service asks of a caller.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::policy::{self, Activation, AppOnlyRule, Dialect, Mode, Rule};

/// What a route asks of a caller.
///
/// ```
/// use std::time::Duration;
/// use mfa_gateway_layer::Requirement;
///
/// let reports = Requirement::mfa().max_age(Duration::from_secs(900)).roles(["operator"]);
/// let machines_too = Requirement::authenticated();
/// let not_enforced_yet = Requirement::mfa().report();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Requirement {
    pub(super) rule: Rule,
    pub(super) dialect: Option<Dialect>,
}

impl From<Rule> for Requirement {
    /// A rule that was made elsewhere.
    fn from(rule: Rule) -> Self {
        Self { rule, dialect: None }
    }
}

impl Requirement {
    /// A valid token; and MFA, if it is a user's.
    pub fn mfa() -> Self {
        Rule::from(policy::Requirement::Mfa { max_age: None }).into()
    }

    /// A valid token.
    pub fn authenticated() -> Self {
        Rule::from(policy::Requirement::Authenticated).into()
    }

    /// Nothing. No token is looked at, and the caller is nobody.
    pub fn public() -> Self {
        Rule::from(policy::Requirement::Public).into()
    }

    /// How long ago a user may have signed in. It asks for MFA.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.rule.requirement = policy::Requirement::Mfa { max_age: Some(max_age) };
        self
    }

    /// One of these roles.
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.rule.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// One of these tenants (their ids).
    pub fn tenants<T: Into<String>>(mut self, tenants: impl IntoIterator<Item = T>) -> Self {
        let lower = |tenant: T| tenant.into().to_ascii_lowercase();
        self.rule.tenants = Some(tenants.into_iter().map(lower).collect());
        self
    }

    /// A user: app-only tokens are refused.
    pub fn deny_app_only(mut self) -> Self {
        self.rule.app_only = AppOnlyRule::Deny;
        self
    }

    /// No app-only token of these applications (their ids).
    pub fn deny_app_only_of<A: Into<String>>(mut self, applications: impl IntoIterator<Item = A>) -> Self {
        let lower = |application: A| application.into().to_ascii_lowercase();
        let applications: BTreeSet<String> = applications.into_iter().map(lower).collect();
        self.rule.app_only = AppOnlyRule::AllowExcept(Arc::new(applications));
        self
    }

    /// Reports what is found of MFA, and refuses nobody for it: see [`Caller::grounds`](super::Caller::grounds). All else
    /// is enforced.
    pub fn report(self) -> Self {
        self.activation(Mode::Report)
    }

    /// Whether MFA findings are enforced: a mode, or one for a part of the applications or from a date on.
    pub fn activation(mut self, activation: impl Into<Activation>) -> Self {
        self.rule.activation = activation.into();
        self
    }

    /// The name by which exceptions know the route.
    pub fn named(mut self, route: impl Into<String>) -> Self {
        self.rule.route = route.into();
        self
    }

    /// How callers are refused.
    pub fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), ..self }
    }
}
