//! The types a request passes through. Each can only be made from the one before, by the layer whose work it stands for, and
//! owns what that layer learned.
//!
//! | layer | takes | makes | adds |
//! |---|---|---|---|
//! | `CatchPanic` | [`Arrived`] | [`Shielded`] | |
//! | `Render` | [`Shielded`] | [`Opened`] | ids, the configuration, the trace; the number in flight |
//! | `Limit` | [`Opened`] | [`Admitted`] | |
//! | `Sanitize` | [`Admitted`] | [`Sanitized`] | the origin, the protocol it asks for |
//! | `Route` | [`Sanitized`] | [`Routed`] | the route |
//! | `Authenticate` | [`Routed`] | [`Authenticated`] | the evidence |
//! | `Enforce` | [`Authenticated`] | [`Permitted`] | the grounds |
//! | `RateLimit` | [`Permitted`] | [`Cleared`] | |

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Grounds, Proof, decide};
use mfa_gateway_wire::Body;

use super::browser::{CredentialKind, Presented, SessionWatch};
use super::exchange::{Arrived, Exchange};
use super::expiry::Expiry;
use super::origin::Origin;
use super::question::Question;
use super::upgrade::Wanted;
use super::{Live, Reason, Rejection};
use crate::routing::Route;
use crate::session::OwnCookies;

/// A request whose panics end only itself.
#[derive(Debug)]
pub struct Shielded(pub(super) Arrived);

/// A request with its ids and the configuration that judges it.
#[derive(Debug)]
pub struct Opened {
    pub(super) exchange: Box<Exchange>,
    /// How many requests were in flight when it came.
    pub(super) before: i64,
}

/// A request within the limit of requests in flight.
#[derive(Debug)]
pub struct Admitted(pub(super) Box<Exchange>);

/// A request that every server reads alike, without fields by which a client could impersonate a caller.
#[derive(Debug)]
pub struct Sanitized {
    pub(super) exchange: Box<Exchange>,
    pub(super) observed: Box<Observed>,
}

/// The facts that sanitizing learned from the fields that it removed.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The origin of the request; `None` if it came on no connection.
    pub(super) origin: Option<Origin>,
    /// The protocol that it asks for.
    pub(super) wanted: Option<Wanted>,
    /// Whether it may become a `WebSocket`, here or where it is carried.
    pub(super) websocket: bool,
    /// When its token expires, once it is permitted and if its route ends streams then.
    pub(super) expiry: Option<Arc<Expiry>>,
    /// The gateway's own cookies, for each way to sign in.
    pub(super) cookies: Vec<OwnCookies>,
    /// The evidence of its session, on a route that takes one.
    pub(super) presented: Option<Presented>,
    /// What it is judged by.
    pub(super) credential: CredentialKind,
    /// The access token of a consent that its upstream receives, on a route that uses one.
    pub(super) injected: Option<HeaderValue>,
    /// What ends a `WebSocket` with its session.
    pub(super) session_watch: Option<Box<SessionWatch>>,
}

#[cfg(feature = "in-process")]
impl Opened {
    /// A request that came on no connection.
    pub(super) fn without_connection(request: Request<Body>, live: Arc<Live>) -> Self {
        Self { exchange: Exchange::begin(request, None, live), before: 0 }
    }
}

impl Sanitized {
    /// The question that the request asks.
    pub(super) fn question(&self) -> Question<'_> {
        Question { origin: self.observed.origin.as_ref(), ..self.exchange.question() }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &str {
        self.exchange.request.uri().path()
    }

    /// Its fields.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.exchange.request.headers()
    }

    /// The request alone.
    pub(crate) fn into_request(self) -> Request<Body> {
        self.exchange.request
    }
}

/// A request whose route is known.
#[derive(Debug)]
pub struct Routed {
    pub(super) sanitized: Sanitized,
    pub(super) route: Arc<Route>,
}

/// A routed request with the evidence about its caller.
#[derive(Debug)]
pub struct Authenticated {
    pub(super) routed: Routed,
    pub(super) evidence: Evidence,
}

/// A request that the rule permits.
///
/// Its fields and its only constructor, which has the rule decide, are private: holding one proves that
/// [`mfa_gateway_core::policy::decide`] permitted it.
#[derive(Debug)]
pub struct Permitted {
    sanitized: Sanitized,
    route: Arc<Route>,
    grounds: Grounds,
    proof: Option<Arc<Proof>>,
}

/// A permitted request whose caller stays within its rate: all that [`super::Proxy`] takes.
#[derive(Debug)]
pub struct Cleared(Permitted);

/// A permit taken apart. It no longer permits anything: [`super::Proxy`] takes only the whole.
pub(super) struct Parts {
    pub(super) exchange: Box<Exchange>,
    pub(super) observed: Box<Observed>,
    pub(super) route: Arc<Route>,
    pub(super) grounds: Grounds,
    pub(super) proof: Option<Arc<Proof>>,
}

impl Permitted {
    /// Has the rule decide, and returns the permit or the refusal. `record` sees either.
    pub(super) fn decide(
        authenticated: Authenticated,
        record: impl FnOnce(&Routed, &Evidence, &Decision, Timestamp),
    ) -> Result<Self, Rejection> {
        let Authenticated { routed, evidence } = authenticated;
        let live = &routed.sanitized.exchange.live;
        let now = live.clock.now();
        let asked = live.judge.asked(&routed.route, routed.sanitized.path());
        let decision = decide(asked, &evidence, &live.judge.waivers, now);
        record(&routed, &evidence, &decision, now);
        let Routed { sanitized, route } = routed;
        let proof = match evidence {
            Evidence::Token(proof) => Some(proof),
            _ => None,
        };
        match decision {
            Decision::Permit(grounds) => Ok(Self { sanitized, route, grounds, proof }),
            Decision::Deny(denial) => {
                // A token that has expired since its verification gets the same response as one that was never
                // verified.
                let proof = proof.filter(|_| !matches!(denial, Denial::InvalidToken(_)));
                let rejection = Rejection::new(Reason::Denied(denial)).about(route.customer(sanitized.path()));
                Err(rejection.on(route).with_proof(proof))
            }
        }
    }

    /// The question.
    pub(super) fn question(&self) -> Question<'_> {
        self.sanitized.question()
    }

    /// The configuration that judged it.
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.sanitized.exchange.live
    }

    /// Its route.
    pub(super) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// The caller.
    pub(super) fn proof(&self) -> Option<&Arc<Proof>> {
        self.proof.as_ref()
    }
}

impl Cleared {
    /// A permit whose caller is still within its rate, by `check`; or the refusal.
    pub(super) fn check(
        permitted: Permitted,
        check: impl FnOnce(&Permitted) -> Result<(), Rejection>,
    ) -> Result<Self, Rejection> {
        check(&permitted)?;
        Ok(Self(permitted))
    }

    /// Takes it apart, for forwarding.
    pub(super) fn into_parts(self) -> Parts {
        let Self(Permitted { sanitized, route, grounds, proof }) = self;
        let Sanitized { exchange, observed } = sanitized;
        Parts { exchange, observed, route, grounds, proof }
    }
}
