//! What a refusal becomes in a browser: one redirect to the issuer, a page, or JSON for a script. Never a loop.

use std::time::Duration;

use http::{Response, StatusCode};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Context, Denial, Mode, Requirement, Rule};
use mfa_gateway_core::token::Check;
use mfa_gateway_wire::Body;

use super::again::Again;
use super::door::id;
use super::json::ForScripts;
use super::navigation::Audience;
use super::start::{self, Start};
use super::tenant::tenant;
use super::visit::Visit;
use crate::gateway::refusal::{add_remedies, texts};
use crate::gateway::{Live, Reason, Rejection};
use crate::oidc::TenantId;
use crate::pages::{Action, Does, Fact, FailureKind, Kind, NeededRole, NotDelegated, Outage, Page, Shortfall, StepUp};
use crate::session::{Current, ReturnPath, Tried, Wanted};

/// How long nobody is sent on a second trip by himself after a step-up that brought no MFA.
const NOT_AGAIN: Duration = Duration::from_secs(300);

/// How soon after a step-up that succeeded another one for the same page would be a loop, unless a sign-in ages faster.
const JUST_STEPPED_UP: Duration = Duration::from_secs(10);

/// How many sign-ins in a row may end in a cookie that is no session before a page says so: replicas may have different keys,
/// or a clock is wrong.
const MAX_ROUNDS: u32 = 8;

/// A browser is sent round once in this time at most.
const SHORTEST_ROUND: Duration = Duration::from_secs(2);

/// What would help.
enum Needs {
    /// A sign-in.
    SignIn,
    /// MFA, or a fresher sign-in.
    StepUp(Shortfall),
    /// A sign-in to this tenant.
    Tenant(TenantId),
    /// Nothing that the issuer could do now.
    Nothing,
}

impl Visit {
    /// Gives a refusal the form that a browser can use.
    pub(super) async fn refuse(&self, rejection: Rejection, live: &Live) -> Rejection {
        let mut response = self.respond(&rejection, live).await;
        add_remedies(response.headers_mut(), &rejection.reason);
        self.write_cookies(response.headers_mut());
        rejection.in_browser(response)
    }

    async fn respond(&self, rejection: &Rejection, live: &Live) -> Response<Body> {
        let needs = self.needs(rejection, live);
        let wanted = self.wanted(rejection, &needs, live.clock.now());
        match (&needs, self.audience) {
            (Needs::SignIn, Audience::Visitor) => self.send_to_issuer(wanted, live).await,
            (Needs::StepUp(_), Audience::Visitor) if !self.was_tried(wanted, live.clock.now()) => {
                self.send_to_issuer(wanted, live).await
            }
            (Needs::Tenant(tenant), Audience::Visitor) if !self.was_sent(*tenant, live.clock.now()) => {
                self.send_to_issuer(wanted, live).await
            }
            (_, Audience::Script) => self.json(rejection, &needs, wanted, live),
            _ => self.page(rejection, &needs, wanted, live),
        }
    }

    /// The one redirect; a page if the issuer can't be asked, or if sign-in after sign-in brought no session.
    async fn send_to_issuer(&self, wanted: Wanted, live: &Live) -> Response<Body> {
        if self.cookies.rounds >= MAX_ROUNDS && self.session.is_none() {
            return self.session_lost(wanted, live);
        }
        let settings = self.door.sign_in.settings();
        let start = Start {
            return_path: ReturnPath::of(&self.target, &settings.base_path),
            wanted,
            session: self.session.as_ref(),
            another_account: false,
        };
        start::redirect(&self.door, start, &self.cookies, &self.request_id, self.is_head, live).await
    }

    /// The page for a browser that signs in over and over, and never presents the session that it got.
    fn session_lost(&self, wanted: Wanted, live: &Live) -> Response<Body> {
        tracing::warn!(request_id = %id(&self.request_id), "a browser signs in over and over without keeping its session");
        let at = live.clock.now().as_millis();
        let again = Again { return_path: self.target.clone(), wanted, another_account: false, at };
        let page = Page::new(Kind::SignInFailed(FailureKind::SessionLost.into()), id(&self.request_id));
        self.door.page(&page.with(Action::link(Does::TryAgain, again.link(&self.door))), self.is_head)
    }

    /// Whether a step-up for the same was tried a short while ago, in whichever tab.
    fn was_tried(&self, wanted: Wanted, now: Timestamp) -> bool {
        let Some(Current { record, .. }) = &self.session else { return false };
        let since = |at: i64| now.since(Timestamp::from_millis(at));
        let tenant = wanted.tenant.or_else(|| self.session.as_ref()?.tenant());
        let in_vain = record
            .tried
            .as_ref()
            .is_some_and(|tried| since(tried.at) < NOT_AGAIN && tried.was_for(tenant, wanted.max_age));
        // A sign-in that was recent enough may have aged since.
        let just = wanted
            .max_age
            .map_or(JUST_STEPPED_UP, |max_age| Duration::from_secs(max_age).clamp(SHORTEST_ROUND, JUST_STEPPED_UP));
        in_vain || record.stepped_up.is_some_and(|at| since(at) < just)
    }

    /// Whether a sign-in to the tenant was tried a short while ago, or pages of several tenants lead to one another.
    fn was_sent(&self, tenant: TenantId, now: Timestamp) -> bool {
        let Some(Current { record, .. }) = &self.session else { return false };
        let is_recent = |tried: &&Tried| now.since(Timestamp::from_millis(tried.at)) < NOT_AGAIN;
        let tried = record.tried.as_ref().filter(is_recent);
        tried.is_some_and(|tried| tried.tenant == Some(tenant)) || record.hops_in_a_loop(now)
    }

    /// What would help.
    fn needs(&self, rejection: &Rejection, live: &Live) -> Needs {
        let Reason::Denied(denial) = &rejection.reason else { return Needs::Nothing };
        match denial {
            Denial::NoCredential | Denial::InvalidToken(_) => Needs::SignIn,
            Denial::WrongContext => self.tenant(rejection, live).map_or(Needs::Nothing, Needs::Tenant),
            denial if denial.check() == Check::Mfa => Shortfall::of(*denial).map_or(Needs::Nothing, Needs::StepUp),
            _ => Needs::Nothing,
        }
    }

    fn tenant(&self, rejection: &Rejection, live: &Live) -> Option<TenantId> {
        let (route, proof) = (rejection.route.as_deref()?, &self.session.as_ref()?.proof);
        tenant(route, rejection.customer(), proof, self.door.sign_in.settings(), live)
    }

    /// What the page asks for beyond a session.
    fn wanted(&self, rejection: &Rejection, needs: &Needs, now: Timestamp) -> Wanted {
        let wanted = asked(rejection, now);
        match needs {
            // MFA is asked for where it counts: in the customer's tenant, as soon as it is known who the person is.
            Needs::SignIn if self.leads_to_customers(rejection) => Wanted::default(),
            Needs::Tenant(tenant) => Wanted { tenant: Some(*tenant), ..wanted },
            Needs::StepUp(_) => {
                Wanted { tenant: self.session.as_ref().and_then(|session| session.record.tenant), ..wanted }
            }
            _ => wanted,
        }
    }

    fn leads_to_customers(&self, rejection: &Rejection) -> bool {
        let is_of_customer = rejection.rule().is_some_and(|rule| rule.context == Context::Customer);
        is_of_customer && self.door.sign_in.settings().tenants.is_some()
    }

    fn json(&self, rejection: &Rejection, needs: &Needs, wanted: Wanted, live: &Live) -> Response<Body> {
        let (description, remedy) = texts(rejection);
        let reason = rejection.reason.code();
        let (code, status, helps) = match needs {
            Needs::SignIn => ("sign_in_required", StatusCode::UNAUTHORIZED, true),
            Needs::StepUp(_) | Needs::Tenant(_) => (reason, StatusCode::FORBIDDEN, true),
            Needs::Nothing => (reason, rejection.reason.status(), false),
        };
        let (description, remedy) = match needs {
            Needs::SignIn => (
                "There is no session.".into(),
                "Have the person open `sign_in` in the browser, and send the request again.".into(),
            ),
            Needs::StepUp(_) => (description, "Have the person open `sign_in` in the browser to do MFA.".into()),
            Needs::Tenant(_) => (
                description,
                "Have the person open `sign_in` in the browser, which leads to the tenant's sign-in.".into(),
            ),
            Needs::Nothing => (description, remedy),
        };
        // A script returns to no page: its own path isn't one.
        let again =
            Again { return_path: "/".to_owned(), wanted, another_account: false, at: live.clock.now().as_millis() };
        let sign_in = helps.then(|| again.link(&self.door));
        let request_id = id(&self.request_id);
        ForScripts { code, reason, description: &description, remedy: &remedy, sign_in, request_id: &request_id }
            .response(status)
    }

    fn page(&self, rejection: &Rejection, needs: &Needs, wanted: Wanted, live: &Live) -> Response<Body> {
        let kind = self.kind(rejection, needs);
        let again = |another_account| {
            let at = live.clock.now().as_millis();
            Again { return_path: self.target.clone(), wanted, another_account, at }.link(&self.door)
        };
        let mut page = Page::new(kind, id(&self.request_id)).of(self.person().as_deref());
        if !matches!(rejection.reason, Reason::Denied(_) | Reason::CrossOrigin) {
            page.code = rejection.reason.code();
        }
        match needs {
            Needs::SignIn => page = page.with(Action::link(Does::SignInInNewTab, self.door.path("sign-in"))),
            // The form stays open; its own address is no page to return to.
            Needs::StepUp(_) | Needs::Tenant(_) if self.audience == Audience::Reader => {
                let at = live.clock.now().as_millis();
                let start = Again { return_path: "/".to_owned(), wanted, another_account: false, at };
                page = page.with(Action::link(Does::SignInInNewTab, start.link(&self.door)));
            }
            Needs::StepUp(_) => page = page.with(Action::link(Does::TryAgain, again(false))),
            Needs::Tenant(_) => page = page.with(Action::link(Does::SignInThere, again(false))),
            Needs::Nothing => {}
        }
        if self.session.is_some() {
            if page.kind.is_of_the_account() {
                page = page.with(Action::link(Does::AnotherAccount, again(true)));
            }
            page = page.with(Action::link(Does::SignOut, self.door.path("sign-out")));
        }
        let mut response = self.door.page(&page, self.is_head);
        // A page of a kind may stand for several reasons.
        if !matches!(rejection.reason, Reason::Denied(_)) {
            *response.status_mut() = rejection.reason.status();
        }
        response
    }

    fn kind(&self, rejection: &Rejection, needs: &Needs) -> Kind {
        match (needs, &rejection.reason) {
            (Needs::SignIn, _) => Kind::SignInRequired,
            // A form is lost by a redirect.
            (Needs::StepUp(_), _) if self.audience == Audience::Reader => Kind::StepUpRequired,
            (Needs::StepUp(shortfall), _) => {
                let of_customer = rejection.customer().is_some();
                Kind::StepUpFailed(StepUp { of_customer, ..self.door.shortfall(*shortfall, self.tried()) })
            }
            (_, Reason::Denied(Denial::SessionsUnavailable | Denial::RevocationsUnavailable)) => {
                Kind::Unavailable(Outage::Store, 5)
            }
            (_, Reason::Denied(Denial::KeysUnavailable | Denial::IntrospectionUnavailable)) => {
                Kind::Unavailable(Outage::Issuer, 5)
            }
            (_, Reason::Denied(Denial::RoleMissing)) => Kind::WrongRole(roles(rejection)),
            (_, Reason::Denied(Denial::RolesUnknown)) => Kind::RolesUnknown(roles(rejection)),
            (_, Reason::Denied(Denial::WrongContext)) => Kind::WrongContext(tenants(rejection)),
            (_, Reason::Denied(Denial::NoDelegation)) => Kind::NotDelegated(NotDelegated::Anything, tenants(rejection)),
            (_, Reason::Denied(Denial::DelegationEnded)) => {
                Kind::NotDelegated(NotDelegated::AnyMore, tenants(rejection))
            }
            (_, Reason::Denied(Denial::RoleNotDelegated)) => Kind::NotDelegated(NotDelegated::Role, tenants(rejection)),
            (_, Reason::Denied(_)) => Kind::NotForYou,
            (_, Reason::Told(notice)) if notice.status == StatusCode::FORBIDDEN => Kind::NotForYou,
            (_, Reason::CrossOrigin) => Kind::CrossSite,
            (_, Reason::Overloaded) => Kind::Unavailable(Outage::Overloaded, 1),
            (_, Reason::RateLimited(seconds)) => Kind::TooManyRequests(u32::try_from(*seconds).unwrap_or(u32::MAX)),
            (_, Reason::BodyTooLarge) => Kind::TooLarge,
            (_, Reason::NotFound) => Kind::NotFound,
            (_, Reason::MethodNotAllowed(_)) => Kind::MethodNotAllowed,
            (_, reason) if reason.status().is_server_error() => Kind::Unavailable(Outage::Upstream, 5),
            _ => Kind::BadRequest,
        }
    }

    fn tried(&self) -> Option<&Tried> {
        self.session.as_ref()?.record.tried.as_ref()
    }

    /// The name of who is signed in, as a page shows it.
    pub(super) fn person(&self) -> Option<String> {
        self.session.as_ref().and_then(|session| self.door.sign_in.person(&session.record))
    }
}

/// What the route asks for beyond a session.
fn asked(rejection: &Rejection, now: Timestamp) -> Wanted {
    let Some(rule) = rejection.rule() else { return Wanted::default() };
    match rule.requirement {
        Requirement::Mfa { max_age } if enforces(rule, now) => {
            let max_age = rejection.max_age().or(max_age).map(|age| age.as_secs());
            Wanted { mfa: true, max_age, tenant: None }
        }
        _ => Wanted::default(),
    }
}

fn enforces(rule: &Rule, now: Timestamp) -> bool {
    rule.activation.mode_for(None, now) == Mode::Enforce
}

/// The tenants that a request about a customer has to do with.
fn tenants(rejection: &Rejection) -> Vec<Fact> {
    let proof = rejection.proof.as_deref();
    let (tenant, home) = (proof.and_then(|one| one.tenant.as_deref()), proof.and_then(|one| one.home.as_deref()));
    let facts = [("Customer", rejection.customer()), ("Signed in to", tenant), ("Home tenant", home)];
    facts.into_iter().filter_map(|(label, value)| Some(Fact::new(label, value?))).collect()
}

/// The roles that would do, and who grants them.
fn roles(rejection: &Rejection) -> Vec<NeededRole> {
    let needed = rejection.rule().and_then(|rule| rule.roles.as_ref()).into_iter().flatten();
    let granted_by = |name: &str| rejection.proof.as_ref()?.issuer.roles.get(name)?.granted_by.clone();
    needed.map(|name| NeededRole { name: name.clone(), granted_by: granted_by(name) }).collect()
}
