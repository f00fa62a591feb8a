//! A visit: one request to a route that takes sessions.

use std::sync::Arc;

use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Response};
use mfa_gateway_core::policy::{Evidence, Requirement};
use mfa_gateway_wire::Body;

use super::caching::make_private;
use super::door::Door;
use super::navigation::{Audience, is_of_own_page};
use super::presented::{CredentialKind, Presented, SessionWatch};
use crate::gateway::pipeline::Sanitized;
use crate::gateway::service::Inner;
use crate::gateway::{Reason, Rejection, Routed};
use crate::routing::{Route, SessionUse};
use crate::session::{Current, Ending, Looked, OwnCookies, clear_cookie, set_cookie};

/// What is known of a browser's request, apart from the request.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) door: Arc<Door>,
    pub(super) audience: Audience,
    pub(super) is_head: bool,
    /// Where the browser returns to after a sign-in.
    pub(super) target: String,
    pub(super) cookies: OwnCookies,
    pub(super) session: Option<Current>,
    /// Why there is no session any more, if there was one.
    pub(super) over: Option<Ending>,
    is_stray: bool,
    pub(super) request_id: HeaderValue,
    private: Private,
}

/// Which responses caches that serve many people must not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Private {
    Always,
    /// The route serves people without a session, too.
    WithSession,
    Never,
}

impl Private {
    fn of(usage: SessionUse, route: &Route) -> Self {
        match (usage.shared_cache, route.rule.requirement) {
            (true, _) => Self::Never,
            (false, Requirement::Public) => Self::WithSession,
            (false, _) => Self::Always,
        }
    }
}

/// Serves a request to a route that takes sessions.
pub(in crate::gateway) async fn serve<S: Inner<Routed>>(
    mut inner: S,
    mut sanitized: Sanitized,
    route: Arc<Route>,
    usage: SessionUse,
) -> Result<Response<Body>, Rejection> {
    let headers = sanitized.exchange.request.headers();
    if usage.or_token && headers.contains_key(AUTHORIZATION) {
        // A bad token is not rescued by a cookie.
        return inner.call(Routed { sanitized, route }).await;
    }
    let live = Arc::clone(&sanitized.exchange.live);
    // The configuration was built with the place of the sign-in, and never changes.
    let Some(door) = live.doors.get(usage.sign_in.0) else {
        return Err(Rejection::new(Reason::NotFound).on(route));
    };
    let mut visit = Visit::of(door, &mut sanitized, usage, &route);
    let evidence = visit.read_session(usage.counts_as_use).await;
    if visit.session.is_some() && !visit.may_act(&sanitized) {
        let rejection = Rejection::new(Reason::CrossOrigin).on(route);
        return Err(visit.refuse(rejection, &live).await);
    }
    visit.prepare(&mut sanitized, &route).await;
    sanitized.observed.presented = Some(Presented(evidence));
    sanitized.observed.credential = CredentialKind::Session(visit.session.as_ref().map(|session| session.record.id));
    match inner.call(Routed { sanitized, route }).await {
        Ok(mut response) => {
            visit.finish(response.headers_mut());
            Ok(response)
        }
        Err(rejection) => Err(visit.refuse(rejection, &live).await),
    }
}

impl Visit {
    pub(super) fn of(door: &Arc<Door>, sanitized: &mut Sanitized, usage: SessionUse, route: &Route) -> Self {
        let cookies = sanitized.observed.cookies.get_mut(usage.sign_in.0).map(std::mem::take).unwrap_or_default();
        let request = &sanitized.exchange.request;
        Self {
            door: Arc::clone(door),
            audience: Audience::of(request.method(), request.headers()),
            is_head: *request.method() == Method::HEAD,
            target: sanitized.exchange.target().to_owned(),
            cookies,
            session: None,
            over: None,
            is_stray: false,
            request_id: sanitized.exchange.ids.request.clone(),
            private: Private::of(usage, route),
        }
    }

    /// The evidence of the browser's session.
    pub(super) async fn read_session(&mut self, counts: bool) -> Evidence {
        let sign_in = &self.door.sign_in;
        let looked = match sign_in.look_up(&self.cookies, counts) {
            Looked::Wait(record) => sign_in.settle(record, counts).await,
            looked => looked,
        };
        match looked {
            Looked::Live(opened) => {
                let proof = Arc::clone(&opened.proof);
                self.session = Some(opened);
                Evidence::Token(proof)
            }
            Looked::None { is_stray } => {
                self.is_stray = is_stray;
                Evidence::None
            }
            Looked::Over(ending) => {
                (self.over, self.is_stray) = (Some(ending), true);
                Evidence::None
            }
            Looked::Unavailable | Looked::Wait(_) => Evidence::SessionsUnavailable,
        }
    }

    /// Whether the request may use its cookie: what changes something, and a `WebSocket`, needs proof that a page of this
    /// origin made it.
    pub(super) fn may_act(&self, sanitized: &Sanitized) -> bool {
        let request = &sanitized.exchange.request;
        let websocket = sanitized.observed.websocket;
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) && !websocket;
        is_safe || is_of_own_page(request.headers(), &self.door.origin, websocket)
    }

    /// Puts the session's own access token in the place of a client's, if the upstream is to have one.
    async fn prepare(&self, sanitized: &mut Sanitized, route: &Route) {
        let headers = sanitized.exchange.request.headers_mut();
        headers.remove(AUTHORIZATION);
        let Some(session) = &self.session else { return };
        if route.forward_authorization
            && let Some(token) = self.door.sign_in.access_token(&session.record).await
        {
            sanitized.exchange.request.headers_mut().insert(AUTHORIZATION, token);
        }
        if sanitized.observed.wanted.is_some() {
            let (door, session) = (Arc::clone(&self.door), session.clone());
            sanitized.observed.session_watch = Some(Box::new(SessionWatch::new(door, session)));
        }
    }

    /// Puts the gateway's own fields into an upstream's response.
    pub(super) fn finish(&self, headers: &mut HeaderMap) {
        if self.private == Private::Always || self.private == Private::WithSession && self.session.is_some() {
            make_private(headers);
        }
        self.write_cookies(headers);
    }

    /// Brings the session's cookie up to date: one that is none goes, and a refreshed one is replaced.
    pub(super) fn write_cookies(&self, headers: &mut HeaderMap) {
        let sign_in = &self.door.sign_in;
        let name = sign_in.settings().cookie.session();
        let field = match &self.session {
            Some(session) if session.is_newer => {
                sign_in.seal(&session.record).and_then(|value| set_cookie(name, &value, None))
            }
            None if self.is_stray => clear_cookie(name),
            _ => None,
        };
        if let Some(field) = field {
            headers.append(SET_COOKIE, field);
        }
    }
}
