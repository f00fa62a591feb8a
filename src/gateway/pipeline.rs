//! The types a request passes through. Each can only be made from the one before.

use std::sync::Arc;

use super::{Exchange, Live, Reason, Rejection};
use crate::routing::Route;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Denial, Evidence, Grounds, Proof, decide};

/// A request whose route is known, with the configuration it is judged by.
#[derive(Debug)]
pub struct Routed {
    pub(super) exchange: Box<Exchange>,
    pub(super) route: Arc<Route>,
}

/// A routed request with what is known of its caller.
#[derive(Debug)]
pub struct Authenticated {
    pub(super) routed: Routed,
    pub(super) evidence: Evidence,
}

/// A request that may be forwarded.
///
/// Its fields are private and so is its only constructor, which has the rule decide: to hold one is the proof that
/// [`mfa_gateway_core::policy::decide`] permitted it.
#[derive(Debug)]
pub struct Permitted {
    exchange: Box<Exchange>,
    route: Arc<Route>,
    grounds: Grounds,
    proof: Option<Arc<Proof>>,
}

/// A permit taken apart. It is worth nothing any more: [`super::Proxy`] takes only the whole.
pub(super) struct Parts {
    pub(super) exchange: Box<Exchange>,
    pub(super) route: Arc<Route>,
    pub(super) grounds: Grounds,
    pub(super) proof: Option<Arc<Proof>>,
}

impl Permitted {
    /// Has the rule decide, and hands out the permit or the refusal. `record` sees either.
    pub(super) fn decide(
        authenticated: Authenticated,
        record: impl FnOnce(&Routed, &Evidence, &Decision, Timestamp),
    ) -> Result<Self, Rejection> {
        let Authenticated { routed, evidence } = authenticated;
        let now = routed.exchange.live.clock.now();
        let decision = decide(&routed.route.rule, &evidence, &routed.exchange.live.waivers, now);
        record(&routed, &evidence, &decision, now);
        let Routed { exchange, route } = routed;
        let proof = match evidence {
            Evidence::Token(proof) => Some(proof),
            _ => None,
        };
        match decision {
            Decision::Permit(grounds) => Ok(Self { exchange, route, grounds, proof }),
            Decision::Deny(denial) => {
                // A token that expired since its verification is answered as one that never was verified.
                let proof = proof.filter(|_| !matches!(denial, Denial::InvalidToken(_)));
                Err(Rejection::new(Reason::Denied(denial)).on(route).with_proof(proof))
            }
        }
    }

    /// The request, to look at.
    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The configuration it was judged by.
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.exchange.live
    }

    /// Its route.
    pub(super) fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Who calls.
    pub(super) fn proof(&self) -> Option<&Arc<Proof>> {
        self.proof.as_ref()
    }

    /// Takes it apart, for forwarding.
    pub(super) fn into_parts(self) -> Parts {
        let Self { exchange, route, grounds, proof } = self;
        Parts { exchange, route, grounds, proof }
    }
}
