//! A surface of the gateway's own that takes sessions: the operators' site.
//!
//! It decides for itself who may use it. Reading the session, the proof that a page of its own acts, the way to the issuer
//! and back, and the pages on that way are those of a route.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Request, Response};
use mfa_gateway_core::policy::{Denial, Evidence};
use mfa_gateway_wire::Body;

use super::door::Door;
use super::form_proof;
use super::navigation::Audience;
use super::own_paths;
use super::visit::Visit;
use crate::gateway::pipeline::Sanitized;
use crate::gateway::{Live, Reason, Rejection};
use crate::routing::{Route, SessionUse, SignInId};
use crate::session::Current;

/// The door of operators, and where it stands among all.
#[derive(Clone, Debug)]
pub(crate) struct OperatorsDoor {
    door: Arc<Door>,
    place: usize,
}

/// An operator's session, for the pages that he gets.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    door: Arc<Door>,
    session: Current,
}

impl OperatorsDoor {
    /// The door of operators of a configuration, if they sign in with browsers.
    pub(crate) fn of(live: &Live) -> Option<Self> {
        let place = live.doors.iter().position(|door| door.sign_in.settings().for_operators)?;
        Some(Self { door: Arc::clone(live.doors.get(place)?), place })
    }

    /// The name of an own path of the sign-in, if the request is for one.
    pub(crate) fn own_path(&self, sanitized: &Sanitized) -> Option<String> {
        self.door.serves(sanitized.path()).map(str::to_owned)
    }

    /// Responds to a request for an own path.
    pub(crate) async fn respond(&self, name: &str, sanitized: Sanitized) -> Response<Body> {
        own_paths::respond(&self.door, self.place, name, sanitized).await
    }

    /// Whether a request comes with a session's cookie. With a token it is judged by that alone: a bad one is not rescued
    /// by a cookie.
    pub(crate) fn has_cookie(&self, sanitized: &Sanitized) -> bool {
        let cookies = sanitized.observed.cookies.get(self.place);
        cookies.is_some_and(|cookies| cookies.session.is_some() || cookies.is_doubled)
            && !sanitized.exchange.request.headers().contains_key(AUTHORIZATION)
    }

    /// Serves a browser's request: `serve` gets it with what the session proves. A refusal becomes a redirect to the
    /// issuer, a page, or JSON for a script, by what `route` asks for.
    pub(crate) async fn visit<A>(
        &self,
        mut sanitized: Sanitized,
        route: Arc<Route>,
        serve: impl FnOnce(Request<Body>, Evidence, Option<SignedIn>) -> A,
    ) -> Result<Response<Body>, Rejection>
    where
        A: Future<Output = Result<Response<Body>, Rejection>> + Send,
    {
        let usage =
            SessionUse { sign_in: SignInId(self.place), or_token: true, shared_cache: false, counts_as_use: true };
        let live = Arc::clone(&sanitized.exchange.live);
        let mut visit = Visit::of(&self.door, &mut sanitized, usage, &route);
        let evidence = visit.read_session(usage.counts_as_use).await;
        if visit.session.is_some() && !visit.may_act(&sanitized) {
            return Err(visit.refuse(Rejection::new(Reason::CrossOrigin).on(route), &live).await);
        }
        let door = Arc::clone(&self.door);
        let signed_in = visit.session.clone().map(|session| SignedIn { door, session });
        match serve(sanitized.into_request(), evidence, signed_in).await {
            Ok(mut response) => {
                visit.finish(response.headers_mut());
                Ok(response)
            }
            // What has nothing to do with the person is told to programs as ever.
            Err(rejection) if visit.audience == Audience::Script && !helps(&rejection.reason) => Err(rejection),
            Err(rejection) => Err(visit.refuse(rejection.on(route), &live).await),
        }
    }
}

/// Whether a sign-in could help.
fn helps(reason: &Reason) -> bool {
    let Reason::Denied(denial) = reason else { return false };
    !matches!(denial, Denial::RoleMissing | Denial::RolesUnknown | Denial::TenantMismatch)
}

impl SignedIn {
    /// The name of who signed in, as pages show it.
    pub(crate) fn person(&self) -> Option<String> {
        self.door.sign_in.person(&self.session.record)
    }

    /// The field of a form that proves that a page of this session has it.
    pub(crate) fn form_proof(&self) -> Option<String> {
        form_proof::seal(&self.door, Some(&self.session.record))
    }

    /// Whether a form's field is that proof.
    pub(crate) fn proves(&self, value: &str) -> bool {
        form_proof::is_of(value, &self.door, &self.session.record)
    }

    /// The session's id.
    pub(crate) fn id(&self) -> String {
        self.session.record.id.to_string()
    }

    /// The path of the page that signs out.
    pub(crate) fn sign_out(&self) -> String {
        self.door.path("sign-out")
    }
}
