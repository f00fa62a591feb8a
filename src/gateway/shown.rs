//! What a request shows of its sender, for tokens that are bound to it.

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response};
use mfa_gateway_core::policy::{Evidence, Requirement};
use mfa_gateway_layer::{Credential, DPOP, DPOP_NONCE, Sent};
use mfa_gateway_wire::{Body, Presence};

use super::{Rejection, Routed};

/// The evidence of a token, with what its request shows. `credential` is the one that the token came in.
pub(super) fn look(routed: &Routed, credential: Credential<'_>, evidence: Evidence) -> Evidence {
    let exchange = &routed.sanitized.exchange;
    let live = &exchange.live;
    live.judge.senders.look(evidence, credential, || {
        let question = routed.sanitized.question();
        Sent {
            at: live.clock.now(),
            fields: exchange.request.headers(),
            method: question.method.as_str(),
            target: question.origin.and_then(|origin| origin.target(question.path())),
            again: exchange.carried().is_some_and(|carried| carried.again),
            certificate: exchange.peer.as_ref().and_then(|peer| peer.thumbprint),
        }
    })
}

/// Removes the proof, which was for this hop and came once. On a public route it is the upstream's affair.
pub(super) fn remove_proof(routed: &mut Routed) {
    let exchange = &mut routed.sanitized.exchange;
    if exchange.present.has(Presence::DPOP) && routed.route.rule.requirement != Requirement::Public {
        exchange.request.headers_mut().remove(&DPOP);
    }
}

/// The nonce for the caller's next proofs, if that of this one is about to end.
pub(super) fn next_nonce(routed: &Routed, evidence: &Evidence) -> Option<HeaderValue> {
    let Evidence::Token(proof) = evidence else { return None };
    let live = &routed.sanitized.exchange.live;
    proof.possession.as_ref().filter(|shown| shown.nonce_ends).and_then(|_| live.judge.senders.nonce(live.clock.now()))
}

/// Adds a nonce to a response, which no cache may then give out again with it (RFC 9449 section 8.2).
pub(super) async fn with_nonce(
    nonce: HeaderValue,
    answer: impl Future<Output = Result<Response<Body>, Rejection>>,
) -> Result<Response<Body>, Rejection> {
    let mut response = answer.await?;
    response.headers_mut().insert(&DPOP_NONCE, nonce);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
