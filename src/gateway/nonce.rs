//! Where nonces for DPoP proofs are given and taken away, but for those of permits.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use mfa_gateway_core::policy::Requirement;
use mfa_gateway_layer::DPOP_NONCE;

use super::Live;
use crate::routing::Route;

/// Gives the nonce to who has to make a proof (RFC 9449 section 9).
pub(super) fn challenge(refusal: &mut HeaderMap, live: &Live) {
    let asks = refusal.get(WWW_AUTHENTICATE).is_some_and(|challenge| challenge.as_bytes().starts_with(b"DPoP "));
    if asks && let Some(nonce) = live.judge.senders.nonce(live.clock.now()) {
        refusal.insert(&DPOP_NONCE, nonce);
    }
}

/// Removes an upstream's nonce where the gateway has its own: a proof holds one, and that is for the gateway.
pub(super) fn remove(response: &mut HeaderMap, route: &Route, live: &Live) {
    if route.rule.requirement != Requirement::Public && live.judge.senders.has_nonces() {
        response.remove(&DPOP_NONCE);
    }
}
