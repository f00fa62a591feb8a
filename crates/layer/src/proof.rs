//! From verified claims to what they prove: the same for access tokens and ID tokens.

use std::sync::Arc;

use mfa_gateway_core::policy::{Attached, IssuerProfile, Proof};
use mfa_gateway_core::token::{AuthTime, Claims, Principal};

/// What the claims prove, by the issuer's rule.
pub(super) fn proof_of(
    claims: &Claims,
    principal: Principal,
    auth_time: AuthTime,
    profile: &Arc<IssuerProfile>,
) -> Proof {
    Proof {
        issuer: Arc::clone(profile),
        principal,
        tenant: claims.text("tid").map(str::to_owned),
        version: claims.version(),
        amr: claims.amr(),
        mfa: profile.mfa.evaluate(claims),
        seen: profile.mfa.see(claims),
        roles: profile.roles.find(claims),
        auth_time,
        validity: claims.validity(),
        handles_claims_challenge: claims.handles_claims_challenge(),
        told: profile.told.iter().map(|one| one.texts(claims)).collect(),
        attached: Attached::default(),
    }
}
