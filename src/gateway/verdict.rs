//! Verdict: the end of the stack where another proxy carries the request. It implements [`Service`] for [`Cleared`] alone, as
//! [`super::Proxy`] does, and answers with what that would have sent to the upstream.
//!
//! A response with a [`Granted`] is a permit. Every other response is for the client, whatever its status.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Denial, Proof, SenderError};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::DpopError;
use mfa_gateway_wire::Body;
use tower::Service;

use super::assertion::{ASSERTION, Assertions};
use super::pipeline::Parts;
use super::service::Answer;
use super::tally::Outcome;
use super::{Cleared, Reason, Rejection, broker, forward};
use crate::routing::Responder;
use crate::upstream::Protocol;

/// The proof came before.
const REPLAYED: Reason = Reason::Denied(Denial::Sender(SenderError::Proof(DpopError::Replayed)));

/// Answers what the proxy that carries a permitted request needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict;

/// A permit: how the request continues.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// The fields of the request that may continue: neither claims of the client nor what the route removes are among them.
    pub(crate) kept: HeaderMap,
    /// The fields that the gateway adds: the request's ids, and the identity fields.
    pub(crate) told: HeaderMap,
    /// The identity fields that this request has none of.
    pub(crate) unset: Vec<HeaderName>,
    /// Who calls, if the route asks.
    pub(crate) proof: Option<Arc<Proof>>,
    /// The code of the permit's grounds.
    pub(crate) grounds: &'static str,
    /// When it was given, and what is drawn at random for it.
    pub(crate) at: Timestamp,
    pub(crate) random: Random,
    /// The request's cookies without the gateway's own, where people sign in with a browser.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Granted {
    /// Adds the assertion of who calls, if somebody does.
    pub(crate) fn assert(&mut self, assertions: &Assertions) {
        let Some(proof) = &self.proof else { return };
        if let Some(assertion) = assertions.sign(proof, self.grounds, (self.at, &self.random)) {
            self.told.insert(&ASSERTION, assertion);
            self.unset.retain(|name| *name != ASSERTION);
        }
    }
}

impl Service<Cleared> for Verdict {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, cleared: Cleared) -> Answer {
        Box::pin(answer(cleared.into_parts()))
    }
}

async fn answer(parts: Parts) -> Result<Response<Body>, Rejection> {
    // The proxy would ask its backend for what only the gateway can give.
    if !matches!(parts.route.responder, Responder::Upstream(_) | Responder::Authorizers) {
        return Err(Rejection::new(Reason::NotFound).on(parts.route).with_proof(parts.proof));
    }
    // Nothing else is wrong with the request, so that this is what it was refused for.
    let possession = parts.proof.as_ref().and_then(|proof| proof.possession.as_deref());
    if possession.is_some_and(|possession| possession.came_before) {
        return Err(Rejection::new(REPLAYED).on(parts.route).with_proof(parts.proof));
    }
    let parts = if parts.route.consent.is_some() { broker::inject(parts).await? } else { parts };
    let Parts { mut exchange, mut observed, route, grounds, proof } = parts;
    let live = Arc::clone(&exchange.live);
    let mut told = HeaderMap::new();
    forward::tell(&exchange.ids, None, &grounds, proof.as_deref()).insert_into(&mut told);
    let injected = observed.injected.take();
    forward::prepare_request(&mut exchange.request, &route, Protocol::Http1, injected);
    let kept = std::mem::take(exchange.request.headers_mut());
    let names = forward::identity_names().chain(&live.edge.claim_fields);
    let unset = names.filter(|name| !told.contains_key(*name)).cloned().collect();
    let cookie = (!live.doors.is_empty()).then(|| kept.get(COOKIE).cloned().unwrap_or(HeaderValue::from_static("")));
    let mut response = Response::new(Body::empty());
    let (at, random) = (live.clock.now(), live.random.clone());
    let permit = Granted { kept, told, unset, proof: proof.clone(), grounds: grounds.code(), at, random, cookie };
    response.extensions_mut().insert(permit);
    let outcome = Outcome::permitted(Arc::clone(&route), grounds, proof.as_deref(), Instant::now());
    Ok(response.map(|body| body.carrying(outcome)))
}
