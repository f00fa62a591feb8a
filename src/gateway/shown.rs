//! What a request shows of its sender, for tokens that are bound to it.

use mfa_gateway_core::policy::{Evidence, Requirement};
use mfa_gateway_layer::{Credential, DPOP, Sent};
use mfa_gateway_wire::Presence;

use super::Routed;

/// The evidence of a token, with what its request shows. `credential` is the one that the token came in.
pub(super) fn look(routed: &Routed, credential: Credential<'_>, evidence: Evidence) -> Evidence {
    let exchange = &routed.sanitized.exchange;
    let live = &exchange.live;
    live.judge.senders.look(evidence, credential, live.clock.now(), || {
        let question = routed.sanitized.question();
        Sent {
            fields: exchange.request.headers(),
            method: question.method.as_str(),
            target: question.origin.and_then(|origin| origin.target(question.path())),
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
