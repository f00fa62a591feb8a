//! From verified claims to what they prove: the same for access tokens and ID tokens.

use std::sync::Arc;

use mfa_gateway_core::policy::{Attached, IssuerProfile, Proof, Revocable, Revocations, UserKind};
use mfa_gateway_core::token::{AuthTime, Claims, Principal};

/// The claims that name a user to people, the best first.
const NAMES: [&str; 4] = ["upn", "preferred_username", "unique_name", "email"];

/// How much of a name is kept, in bytes.
const LONGEST_NAME: usize = 256;

/// What the claims prove, by the issuer's rule.
pub(super) fn proof_of(
    claims: &Claims,
    principal: Principal,
    auth_time: AuthTime,
    profile: &Arc<IssuerProfile>,
    revocations: Option<&Revocations>,
) -> Proof {
    let name = principal.user().and_then(|_| name_in(claims));
    let revocable = revocations.zip(profile.event_names.as_ref());
    let kind = principal.user().map(|_| UserKind::of(claims)).unwrap_or_default();
    Proof {
        issuer: Arc::clone(profile),
        principal,
        name,
        kind,
        tenant: claims.text("tid").map(str::to_owned),
        home: profile.home.read(claims).map(str::to_owned),
        version: claims.version(),
        amr: claims.amr(),
        mfa: profile.mfa.evaluate(claims),
        seen: profile.mfa.see(claims),
        roles: profile.roles.find(claims),
        auth_time,
        validity: claims.validity(),
        binding: None,
        possession: None,
        handles_claims_challenge: claims.handles_claims_challenge(),
        told: profile.told.iter().map(|one| one.texts(claims)).collect(),
        revocable: revocable.map(|(by, names)| Revocable::by(by, claims, auth_time, names)).unwrap_or_default(),
        attached: Attached::default(),
    }
}

fn name_in(claims: &Claims) -> Option<Box<str>> {
    let name = NAMES.iter().find_map(|name| claims.text(name).filter(|text| !text.is_empty()))?;
    name.get(..name.floor_char_boundary(LONGEST_NAME)).map(Box::from)
}
