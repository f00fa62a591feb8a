//! Technical exceptions: each waives MFA, and only MFA, for a narrow match until it expires.
//!
//! Those of the configuration change with it. Those that people granted change while it is in use, on every replica. Both
//! mean the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::evidence::Proof;
use super::{Mode, Rule, StageSet};
use crate::clock::Timestamp;

/// A technical exception. A caller that matches all of its conditions is exempt from MFA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The id that logs and reports name.
    pub id: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it was granted.
    pub reason: String,
    /// The first moment at which it helps, if it doesn't always.
    pub begins: Option<Timestamp>,
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

    /// What the id of one begins with that people granted, and of no other.
    pub const GRANTED: &str = "granted-";

    /// An exception that ends at this moment. Until it names a user or an application, it is for nobody.
    #[must_use]
    pub fn until(id: impl Into<String>, expires: Timestamp) -> Self {
        Self {
            id: id.into(),
            owner: String::new(),
            reason: String::new(),
            begins: None,
            expires,
            application: None,
            user: None,
            tenant: None,
            issuer: None,
            routes: None,
        }
    }

    /// The same, for callers with this application's id.
    #[must_use]
    pub fn of_application(self, id: impl Into<String>) -> Self {
        Self { application: Some(id.into()), ..self }
    }

    /// The same, for this user's id.
    #[must_use]
    pub fn of_user(self, id: impl Into<String>) -> Self {
        Self { user: Some(id.into()), ..self }
    }

    /// The same, on these routes alone.
    #[must_use]
    pub fn on_routes<R: Into<String>>(self, routes: impl IntoIterator<Item = R>) -> Self {
        Self { routes: Some(routes.into_iter().map(Into::into).collect()), ..self }
    }
}

/// What may waive an MFA finding, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Waivers {
    /// The technical exceptions of the configuration.
    pub exceptions: ExceptionSet,
    /// Those that people granted.
    pub granted: Granted,
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

    /// The id of the first exception that covers the caller on the route at this moment: the configuration's go first.
    #[must_use]
    pub fn covering(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Option<String> {
        let configured = self.exceptions.covering(rule, proof, now).map(|exception| exception.id.clone());
        configured.or_else(|| self.granted.covering(rule, proof, now))
    }
}

impl From<ExceptionSet> for Waivers {
    fn from(exceptions: ExceptionSet) -> Self {
        Self { exceptions, ..Self::default() }
    }
}

/// The exceptions that people granted, as of now. Clones are the same: one writes, and all read.
#[derive(Clone, Debug, Default)]
pub struct Granted(Arc<ArcSwap<GrantedSet>>);

/// Granted exceptions, and how long they may be believed.
#[derive(Debug, Default)]
struct GrantedSet {
    exceptions: ExceptionSet,
    /// From this moment on none of them helps, unless they are confirmed until then.
    until: Option<Timestamp>,
}

impl Granted {
    /// Replaces all of them. They are believed until this moment: an exception is a relaxation, and nobody may know any
    /// more whether it was revoked.
    pub fn replace(&self, exceptions: ExceptionSet, until: Timestamp) {
        self.0.store(Arc::new(GrantedSet { exceptions, until: Some(until) }));
    }

    /// Believes the same ones until this moment.
    pub fn confirm(&self, until: Timestamp) {
        let exceptions = self.0.load().exceptions.clone();
        self.replace(exceptions, until);
    }

    fn covering(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Option<String> {
        let granted = self.0.load();
        let found = granted.exceptions.covering(rule, proof, now)?;
        granted.until.is_some_and(|until| now < until).then(|| found.id.clone())
    }
}

/// Exceptions, which are found by the user or the application that they are for: thousands cost a request no more than a
/// few.
#[derive(Clone, Debug, Default)]
pub struct ExceptionSet(Arc<Indexed>);

#[derive(Debug, Default)]
struct Indexed {
    all: Vec<Exception>,
    /// The places of those for a user, whatever the application.
    by_user: HashMap<String, Vec<usize>>,
    /// The places of those for an application and every user.
    by_application: HashMap<String, Vec<usize>>,
}

impl ExceptionSet {
    /// Collects exceptions.
    #[must_use]
    pub fn new(exceptions: Vec<Exception>) -> Self {
        let (mut by_user, mut by_application) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (place, exception) in exceptions.iter().enumerate() {
            match (&exception.user, &exception.application) {
                (Some(user), _) => by_user.entry(user.clone()).or_default().push(place),
                (None, Some(application)) => by_application.entry(application.clone()).or_default().push(place),
                // It would match every caller, and so matches none.
                (None, None) => {}
            }
        }
        Self(Arc::new(Indexed { all: exceptions, by_user, by_application }))
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.0.all.iter()
    }

    /// The first exception that covers the caller on the route at this moment.
    #[must_use]
    pub fn covering(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Option<&Exception> {
        let places = |map: &'_ HashMap<String, Vec<usize>>, id: Option<&str>| {
            let places = id.and_then(|id| map.get(id)).map(Vec::as_slice).unwrap_or_default();
            let covers = |place: &&usize| self.0.all.get(**place).is_some_and(|one| one.covers(rule, proof, now));
            places.iter().find(covers).copied()
        };
        let of_user = places(&self.0.by_user, proof.principal.user().and_then(|user| user.id.as_deref()));
        let of_application = places(&self.0.by_application, proof.principal.app().id.as_deref());
        of_user.into_iter().chain(of_application).min().and_then(|place| self.0.all.get(place))
    }
}

impl Exception {
    fn covers(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> bool {
        let app = proof.principal.app().id.as_deref();
        let user = proof.principal.user().and_then(|user| user.id.as_deref());
        now < self.expires
            && self.begins.is_none_or(|begins| begins <= now)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{IssuerProfile, Requirement};
    use crate::token::{App, Principal, User};

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn exception(id: &str, application: Option<&str>, user: Option<&str>) -> Exception {
        let text = |text: &str| text.to_owned();
        Exception {
            id: text(id),
            owner: text("o"),
            reason: text("r"),
            begins: None,
            expires: NOW.plus(Duration::from_secs(1)),
            application: application.map(text),
            user: user.map(text),
            tenant: None,
            issuer: None,
            routes: None,
        }
    }

    fn proof(application: &str, user: &str) -> Proof {
        let id = |id: &str| Some(id.to_owned()).filter(|id| !id.is_empty());
        let principal = Principal::AppUser(App { id: id(application) }, User { id: id(user) });
        Proof { principal, ..Proof::of_user(IssuerProfile::default()) }
    }

    #[test]
    fn the_first_in_the_order_counts_however_it_is_found() {
        let all = vec![
            exception("app a", Some("a"), None),
            exception("user u", None, Some("u")),
            exception("both", Some("b"), Some("u")),
            exception("app b", Some("b"), None),
            exception("nobody", None, None),
        ];
        let rule: Rule = Requirement::Mfa { max_age: None }.into();
        let set = ExceptionSet::new(all.clone());
        let applications = ["a", "b", "c", ""];
        for (application, user) in applications.into_iter().flat_map(|one| ["u", "v", ""].map(|user| (one, user))) {
            let proof = proof(application, user);
            let first = all.iter().find(|one| one.covers(&rule, &proof, NOW)).map(|one| &one.id);
            assert_eq!(set.covering(&rule, &proof, NOW).map(|one| &one.id), first, "{application} {user}");
        }
    }

    #[test]
    fn a_granted_one_helps_from_its_begin_to_its_end_and_only_while_it_is_believed() {
        let (rule, proof): (Rule, _) = (Requirement::Mfa { max_age: None }.into(), proof("a", "u"));
        let waivers = Waivers::default();
        let at = |seconds| waivers.clone().covering(&rule, &proof, Timestamp::from_secs(seconds));
        let begins = Some(Timestamp::from_secs(900));
        let one = Exception { begins, ..exception("granted-1", None, Some("u")) };
        assert_eq!(at(1_000), None);
        waivers.granted.replace(ExceptionSet::new(vec![one]), Timestamp::from_secs(950));
        assert_eq!([899, 900, 949, 950, 1_000].map(|second| at(second).is_some()), [false, true, true, false, false]);
        waivers.granted.confirm(Timestamp::from_secs(2_000));
        assert_eq!([899, 900, 1_000, 1_001].map(|second| at(second).is_some()), [false, true, true, false]);
        let configured =
            Waivers { exceptions: ExceptionSet::new(vec![exception("c", Some("a"), None)]), ..waivers.clone() };
        assert_eq!(configured.covering(&rule, &proof, NOW).as_deref(), Some("c"));
        configured.granted.replace(ExceptionSet::default(), Timestamp::from_secs(2_000));
        assert_eq!(at(1_000), None);
    }
}
