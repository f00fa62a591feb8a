//! Technical exceptions: each waives MFA, and only MFA, for a narrow match until it expires.

use std::time::Duration;

use super::evidence::Proof;
use super::{Mode, Rule, StageSet};
use crate::clock::Timestamp;

/// A technical exception. A caller that matches all of its conditions is exempt from MFA.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The id that logs and reports name.
    pub id: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it was granted.
    pub reason: String,
    /// The first moment at which it no longer helps.
    pub expires: Timestamp,
    /// The application's id.
    pub application: Option<String>,
    /// The user's id.
    pub user: Option<String>,
    /// The tenant's id.
    pub tenant: Option<String>,
    /// The issuer's name.
    pub issuer: Option<String>,
    /// The routes, as the configuration writes them.
    pub routes: Option<Vec<String>>,
}

impl Exception {
    /// How long before its end an exception's end is warned of.
    pub const SOON: Duration = Duration::from_secs(14 * 86_400);
}

/// What may waive an MFA finding, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    /// The technical exceptions.
    pub exceptions: ExceptionSet,
    /// The stages of activation that go before the routes' own.
    pub stages: StageSet,
}

impl Waivers {
    /// The mode for a caller on a route at this moment.
    #[must_use]
    pub fn mode(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Mode {
        let application = proof.principal.app().id.as_deref();
        self.stages.activation(rule.activation, proof).mode_for(application, now)
    }
}

impl From<ExceptionSet> for Waivers {
    fn from(exceptions: ExceptionSet) -> Self {
        Self { exceptions, stages: StageSet::default() }
    }
}

/// The exceptions in force.
#[derive(Clone, Debug, Default)]
pub struct ExceptionSet(Vec<Exception>);

impl ExceptionSet {
    /// Collects exceptions.
    #[must_use]
    pub fn new(exceptions: Vec<Exception>) -> Self {
        Self(exceptions)
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.0.iter()
    }

    /// The first exception that covers the caller on the route at this moment.
    #[must_use]
    pub fn covering(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Option<&Exception> {
        self.0.iter().find(|exception| exception.covers(rule, proof, now))
    }
}

impl Exception {
    fn covers(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> bool {
        let app = proof.principal.app().id.as_deref();
        let user = proof.principal.user().and_then(|user| user.id.as_deref());
        now < self.expires
            && (self.application.is_some() || self.user.is_some())
            && matches(self.application.as_deref(), app)
            && matches(self.user.as_deref(), user)
            && matches(self.tenant.as_deref(), proof.tenant.as_deref())
            && matches(self.issuer.as_deref(), Some(&proof.issuer.name))
            && self.routes.as_ref().is_none_or(|routes| routes.contains(&rule.route))
    }
}

/// Whether a condition is absent or met exactly.
fn matches(condition: Option<&str>, seen: Option<&str>) -> bool {
    condition.is_none() || condition == seen
}
