//! Claims that ID tokens should have, and often lack until somebody turns them on at the issuer. Nothing breaks without them
//! at once, so the log says it, once for each claim.

use std::sync::atomic::{AtomicBool, Ordering};

use mfa_gateway_core::token::Claims;

/// A claim, and what doesn't work without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedClaim {
    /// Its name.
    pub claim: &'static str,
    /// What doesn't work without it.
    pub without: &'static str,
}

/// The claims, and which of them the log has missed already.
#[derive(Debug)]
pub(super) struct WantedClaims(Vec<(WantedClaim, AtomicBool)>);

impl WantedClaims {
    pub(super) fn new(claims: &[WantedClaim]) -> Self {
        Self(claims.iter().map(|claim| (*claim, AtomicBool::new(false))).collect())
    }

    /// Looks for them in an ID token.
    pub(super) fn look(&self, claims: &Claims, sign_in: &str) {
        for claim in self.missed(claims) {
            let WantedClaim { claim, without } = claim;
            tracing::warn!(sign_in, claim, without, "the ID tokens of this sign-in lack a claim");
        }
    }

    fn missed(&self, claims: &Claims) -> impl Iterator<Item = WantedClaim> {
        let is_new = |told: &AtomicBool| !told.swap(true, Ordering::Relaxed);
        let missing = self.0.iter().filter(|(wanted, _)| claims.get(wanted.claim).is_none());
        missing.filter(move |(_, told)| is_new(told)).map(|(wanted, _)| *wanted)
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_core::clock::Timestamp;
    use mfa_gateway_core::token::Validity;

    use super::*;

    #[test]
    fn p47_a_claim_is_missed_once() {
        let wanted = |claim| WantedClaim { claim, without: "something" };
        let all = WantedClaims::new(&[wanted("sid"), wanted("auth_time")]);
        let until = Validity::until(Timestamp::from_secs(1));
        let claims = Claims::restore(r#"{"sid":"1"}"#.to_owned(), until).unwrap();
        let missed = || all.missed(&claims).map(|wanted| wanted.claim).collect::<Vec<_>>();
        assert_eq!(missed(), ["auth_time"]);
        assert!(missed().is_empty());
    }
}
