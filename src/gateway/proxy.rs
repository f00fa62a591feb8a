//! Proxy: forwards permitted requests, or has the gateway respond where a route says so. It implements [`Service`] for [`Cleared`] alone, which only a permit becomes.

use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Method, Response, StatusCode, Version};
use http_body::Body as _;
use tower::Service;

use super::browser::CredentialKind;
use super::exchange::Exchange;
use super::expiry::Expiry;
use super::peer::Peer;
use super::pipeline::{Observed, Parts};
use super::service::Answer;
use super::tally::Outcome;
use super::trace::Call;
use super::{
    Cleared, Reason, Rejection, answer, assertion, broker, forward, no_body, own_response, rewrite, security_events,
    upgrade,
};
use crate::routing::{Responder, Route, TokenPlace};
use crate::upstream::{Caller, UpstreamError};
use mfa_gateway_core::policy::{Denial, Proof};
use mfa_gateway_core::token::TokenError;
use mfa_gateway_wire::{Body, Exceeded, Presence, Refused};

/// Forwards permitted requests to their upstream.
#[derive(Clone, Copy, Debug)]
pub struct Proxy;

impl Service<Cleared> for Proxy {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, cleared: Cleared) -> Answer {
        let parts = cleared.into_parts();
        match parts.route.responder {
            Responder::StatusReport(_) => return Box::pin(own_response::respond(parts)),
            Responder::TokenBroker => return Box::pin(broker::respond(parts)),
            Responder::SecurityEvents => return Box::pin(security_events::respond(parts)),
            Responder::Upstream(_) if parts.route.consent.is_some() => return Box::pin(proxy_with_consent(parts)),
            Responder::Authorizers => return Box::pin(ready(Err(not_here(parts)))),
            Responder::Upstream(_) => {}
        }
        if no_body::is_due(parts.exchange.request.body()) {
            return Box::pin(proxy_in_the_end(parts));
        }
        Box::pin(proxy(parts))
    }
}

/// The refusal of a request that came to a listener, on a route for what other proxies carry.
fn not_here(parts: Parts) -> Rejection {
    Rejection::new(Reason::NotFound).on(parts.route).with_proof(parts.proof)
}

/// Forwards a request with a consent's access token in it.
async fn proxy_with_consent(parts: Parts) -> Result<Response<Body>, Rejection> {
    let parts = broker::inject(parts).await?;
    if no_body::is_due(parts.exchange.request.body()) {
        return proxy_in_the_end(parts).await;
    }
    proxy(parts).await
}

/// Forwards a request that announces no body once it has ended without one.
async fn proxy_in_the_end(mut parts: Parts) -> Result<Response<Body>, Rejection> {
    let Exchange { request, live, .. } = &mut *parts.exchange;
    match no_body::wait(request.body_mut(), live.edge.body_timeout).await {
        Ok(()) => proxy(parts).await,
        Err(reason) => Err(Rejection::new(reason).on(parts.route).with_proof(parts.proof)),
    }
}

/// Forwards a request. What waits for a `WebSocket` stands in a box: few requests need it, and each future has its room.
async fn proxy(parts: Parts) -> Result<Response<Body>, Rejection> {
    let Parts { mut exchange, mut observed, route, grounds, proof } = parts;
    let Exchange { request, live, peer, ids, trace, .. } = &mut *exchange;
    let origin = observed.origin.as_ref();
    let mut told = forward::tell(ids, origin, &grounds, proof.as_deref());
    // The configuration was built with the upstream's place, and never changes.
    let Some(upstream) = route.upstream().and_then(|place| live.upstreams.get(place.0)) else {
        return Err(Rejection::new(Reason::UpstreamFailed).on(route));
    };
    let rejected = |reason| Rejection::new(reason).on(Arc::clone(&route)).with_proof(proof.clone());
    let assertions = live.edge.assertions.as_deref().filter(|_| upstream.settings().assertion);
    assertion::tell(assertions, (&grounds, proof.as_deref()), (&live.clock, &live.random), &mut told);
    rewrite::apply(request, &route, origin, &mut told).map_err(rejected)?;
    let exceeded = bound_body(request.body_mut(), route.body_bytes.or(live.edge.body_bytes)).map_err(rejected)?;
    observed.expiry = Expiry::of(&route, proof.as_deref(), &live.clock, &ids.request);
    forward::prepare_body(request.body_mut(), &live.edge.claim_fields, observed.expiry.as_ref());
    forward::prepare_request(request, &route, upstream.settings().protocol, observed.injected.take());
    let client = observed.wanted.take().and_then(|wanted| upgrade::prepare(request, wanted)).map(Box::new);
    let (version, method) = (request.version(), request.method().clone());
    if let Some(certificate) = peer.as_ref().and_then(|peer| peer.certificate.clone()) {
        request.headers_mut().insert("client-cert", certificate);
    }
    let call = trace.take().map(|trace| Call::begin(&trace, request.headers_mut()));
    // Notes about the client's side stay behind.
    request.extensions_mut().clear();
    let interim = peer.as_deref().filter(|_| version == Version::HTTP_11);
    if let Some(peer) = interim {
        peer.handle.open_interim();
    }
    let caller = caller(peer.as_deref(), proof.as_ref(), &route, &observed);
    let mut offered = None;
    let sent = upstream.send(request, &mut told, &caller, live.edge.body_timeout, &mut offered).await;
    let answered = Instant::now();
    let took = answered.saturating_duration_since(caller.asks.into_std());
    if let Some(call) = call {
        let answer = sent.as_ref().map(|response| (response.status(), response.version()));
        call.ended(&method, &upstream.settings().name, offered, answer);
    }
    if let Some(peer) = interim {
        peer.handle.close_interim();
    }
    let broken = peer.as_ref().and_then(|peer| peer.handle.refused());
    let (expiry, watch) = (observed.expiry.take(), observed.session_watch.take());
    // A caller whose token has expired gets the same response as one whose token was never verified.
    if expiry.as_ref().is_some_and(|expiry| expiry.has_come()) {
        return Err(Rejection::new(EXPIRED).on(route));
    }
    let response = sent.map_err(|error| rejected(reason(&error, broken, exceeded.as_ref())).because(error))?;
    let mut response = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        upgrade::finish(client.map(|client| *client), interim, response, (expiry.clone(), watch)).map_err(rejected)?
    } else {
        checked(response, &method).map_err(|error| rejected(Reason::UpstreamFailed).because(error))?
    };
    forward::finish_response(&mut response, &route, live, expiry.as_ref());
    *response.version_mut() = version;
    let endpoint = offered.filter(|_| live.journal.accesses.is_some()).and_then(|uri| uri.authority().cloned());
    let permitted = Outcome::permitted(route, grounds, proof.as_deref(), answered);
    let outcome = Outcome { upstream: Some(took), endpoint, expiry, ..permitted };
    Ok(response.map(|body| body.carrying(outcome)))
}

/// Who calls, as far as connections to the upstream are kept apart by it. No page can have a browser send a bearer token.
fn caller<'p>(peer: Option<&Peer>, proof: Option<&'p Arc<Proof>>, route: &Route, observed: &Observed) -> Caller<'p> {
    Caller {
        connection: peer.map(|peer| peer.handle.id()),
        proof,
        shared: observed.origin.as_ref().is_some_and(|origin| origin.shared),
        is_program: matches!(observed.credential, CredentialKind::Bearer)
            && route.token_from == TokenPlace::Authorization,
        asks: tokio::time::Instant::now(),
    }
}

/// A response that is sound, without the fields of the upstream's connection.
fn checked(mut response: Response<Body>, method: &Method) -> Result<Response<Body>, answer::Unsound> {
    let present = answer::check(&mut response, method)?;
    if present.has(Presence::HOP_BY_HOP) {
        forward::clean_response(response.headers_mut());
    }
    Ok(response)
}

/// Limits the request's body before any of it goes to the upstream. A tunnel isn't a body.
fn bound_body(body: &mut Body, most: Option<u64>) -> Result<Option<Exceeded>, Reason> {
    let Some(most) = most.filter(|_| !body.is_end_stream()) else { return Ok(None) };
    body.limit(most).map_err(|_| Reason::BodyTooLarge)
}

fn reason(error: &UpstreamError, broken: Option<Refused>, exceeded: Option<&Exceeded>) -> Reason {
    match (error, broken) {
        // However the protocol reports it, the cause is the limit.
        _ if exceeded.is_some_and(Exceeded::is_set) => Reason::BodyTooLarge,
        (UpstreamError::RequestBody { .. }, Some(Refused::Malformed(rule))) => Reason::Malformed(rule),
        (UpstreamError::RequestBody { malformed: true, .. }, _) => Reason::Malformed(BROKEN_BODY),
        (UpstreamError::RequestBody { .. }, _) => Reason::BodyIncomplete,
        (error, _) if error.is_timeout() => Reason::UpstreamTimeout,
        _ => Reason::UpstreamFailed,
    }
}

/// The token expired before there was a response.
const EXPIRED: Reason = Reason::Denied(Denial::InvalidToken(TokenError::Expired));

const BROKEN_BODY: &str = "The framing of the request's body is invalid or exceeds a limit (RFC 9112 section 7.1).";

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, F>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small() {
        // mimalloc's next larger size class takes a quarter more memory.
        assert!(size(proxy) <= 1024, "{}", size(proxy));
    }
}
