//! Technical exceptions: each waives MFA, and only MFA, for a narrow match until it expires.
//!
//! Those of the configuration change with it. Those that people granted change while it is in use, on every replica. Both
//! mean the same.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::by_conditions::ByConditions;
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

/// Exceptions, which are found by what they are for: thousands cost a request no more than a few.
#[derive(Clone, Debug, Default)]
pub struct ExceptionSet(Arc<Indexed>);

#[derive(Debug, Default)]
struct Indexed {
    all: Vec<Exception>,
    /// Each exception once for each of its routes, or once if it is for all.
    entries: Vec<Entry>,
    /// By user, application, tenant, issuer and route.
    places: ByConditions<5>,
}

/// The places of an exception, and of one of its routes.
#[derive(Debug)]
struct Entry {
    exception: usize,
    route: Option<usize>,
}

impl Entry {
    /// An entry for each route of an exception. One that names neither a user nor an application would match every caller,
    /// and so matches none.
    fn of((place, exception): (usize, &Exception)) -> impl Iterator<Item = Self> {
        let is_for_somebody = exception.application.is_some() || exception.user.is_some();
        let routes = exception.routes.as_ref().map_or(1, Vec::len);
        let named = exception.routes.is_some();
        let entry = move |at| Self { exception: place, route: named.then_some(at) };
        (0..if is_for_somebody { routes } else { 0 }).map(entry)
    }

    /// The route that it is for.
    fn route<'e>(&self, exception: &'e Exception) -> Option<&'e str> {
        exception.routes.as_ref()?.get(self.route?).map(String::as_str)
    }
}

impl ExceptionSet {
    /// Collects exceptions.
    #[must_use]
    pub fn new(exceptions: Vec<Exception>) -> Self {
        let entries: Vec<Entry> = exceptions.iter().enumerate().flat_map(Entry::of).collect();
        let conditions = |entry: &Entry| {
            let one = exceptions.get(entry.exception)?;
            let [user, application, tenant, issuer] =
                [&one.user, &one.application, &one.tenant, &one.issuer].map(Option::as_deref);
            Some([user, application, tenant, issuer, entry.route(one)])
        };
        let places = ByConditions::new(entries.iter().map(|entry| conditions(entry).unwrap_or_default()));
        Self(Arc::new(Indexed { all: exceptions, entries, places }))
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.0.all.iter()
    }

    /// The first exception that covers the caller on the route at this moment.
    #[must_use]
    pub fn covering(&self, rule: &Rule, proof: &Proof, now: Timestamp) -> Option<&Exception> {
        let facts = Facts::of(rule, proof);
        let at = |place: usize| {
            let entry = self.0.entries.get(place)?;
            Some((entry, self.0.all.get(entry.exception)?))
        };
        let covers = |place| at(place).is_some_and(|(entry, one)| one.covers(entry.route(one), &facts, now));
        let Facts { user, application, tenant, issuer, route } = facts;
        let place = self.0.places.first([user, application, tenant, Some(issuer), Some(route)], covers)?;
        at(place).map(|(_, exception)| exception)
    }
}

/// What an exception's conditions are about.
struct Facts<'f> {
    user: Option<&'f str>,
    application: Option<&'f str>,
    tenant: Option<&'f str>,
    issuer: &'f str,
    route: &'f str,
}

impl<'f> Facts<'f> {
    fn of(rule: &'f Rule, proof: &'f Proof) -> Self {
        Self {
            user: proof.principal.user().and_then(|user| user.id.as_deref()),
            application: proof.principal.app().id.as_deref(),
            tenant: proof.tenant.as_deref(),
            issuer: &proof.issuer.name,
            route: &rule.route,
        }
    }
}

impl Exception {
    /// Whether it covers a caller, as far as it is for `on`, one of its routes.
    fn covers(&self, on: Option<&str>, facts: &Facts<'_>, now: Timestamp) -> bool {
        now < self.expires
            && self.begins.is_none_or(|begins| begins <= now)
            && matches(self.application.as_deref(), facts.application)
            && matches(self.user.as_deref(), facts.user)
            && matches(self.tenant.as_deref(), facts.tenant)
            && matches(self.issuer.as_deref(), Some(facts.issuer))
            && matches(on, Some(facts.route))
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
        let (mfa, expired) = (Requirement::Mfa { max_age: None }, Timestamp::from_secs(1));
        let all = vec![
            exception("app a on no route", Some("a"), None).on_routes([""; 0]),
            Exception { expires: expired, ..exception("app a once", Some("a"), None) },
            exception("app a on two routes", Some("a"), None).on_routes(["/1/", "/2/"]),
            exception("user u", None, Some("u")),
            exception("both", Some("b"), Some("u")),
            exception("app b", Some("b"), None),
            exception("app a", Some("a"), None),
            exception("nobody", None, None),
            exception("app c on a route", Some("c"), None).on_routes(["/2/"]),
        ];
        let holds = |one: &Exception, rule: &Rule, proof: &Proof| {
            let facts = Facts::of(rule, proof);
            let somebody = one.user.is_some() || one.application.is_some();
            let on = |route| one.covers(route, &facts, NOW);
            let routes = one.routes.as_ref();
            somebody && routes.map_or_else(|| on(None), |routes| routes.iter().any(|route| on(Some(route))))
        };
        let set = ExceptionSet::new(all.clone());
        let callers = ["a", "b", "c", "A", ""].into_iter().flat_map(|one| ["u", "v", ""].map(|user| (one, user)));
        for (application, user) in callers {
            for route in ["", "/1/", "/2/", "/3/"] {
                let (rule, proof) = (Rule { route: route.to_owned(), ..mfa.into() }, proof(application, user));
                let first = all.iter().find(|one| holds(one, &rule, &proof)).map(|one| &one.id);
                assert_eq!(set.covering(&rule, &proof, NOW).map(|one| &one.id), first, "{application} {user} {route}");
            }
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
