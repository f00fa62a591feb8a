//! Proofs and routes without a network: claims are signed, verified and read as a request's are.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Attached, Evidence, IssuerProfile, MfaRule, Proof, Requirement, Revocable, Rule, UserKind,
};
use mfa_gateway_core::token::{
    Algorithm, AppOnlyProof, AuthTimeForm, IssuerRule, Key, Principal, TokenError, TokenRules, Unverified,
};
use serde_json::{Value, json};

use super::Signer;
use super::gateway::{AUDIENCE, START};

/// The issuer of these tokens.
pub(crate) const ISSUER: &str = "https://idp.example/";

/// Its one signer.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::es256("k"));

static KEYS: LazyLock<[Arc<Key>; 1]> = LazyLock::new(|| [Arc::new(SIGNER.key())]);

/// What its tokens must be like.
pub(crate) fn rules() -> TokenRules {
    TokenRules {
        issuer: IssuerRule::Exact(ISSUER.to_owned()),
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::Es256],
        clock_skew: Duration::ZERO,
        required: Vec::new(),
        client_ids: Vec::new(),
        class: AppOnlyProof::Any.into(),
        auth_time: AuthTimeForm::Seconds,
    }
}

/// What the configuration says of it, with this rule of what proves MFA.
pub(crate) fn profile(mfa: MfaRule) -> Arc<IssuerProfile> {
    Arc::new(IssuerProfile { name: "idp".to_owned(), mfa, ..IssuerProfile::default() })
}

/// Verifies a token.
pub(crate) fn verify(token: &str, now: Timestamp) -> Result<mfa_gateway_core::token::Claims, TokenError> {
    Unverified::parse(token)?.verify(&*KEYS, &rules(), now).map(|(claims, _)| claims)
}

/// Signs the claims, verifies the token, and reads from it what a request's evidence would be.
pub(crate) fn evidence(claims: &Value, mfa: MfaRule, now: Timestamp) -> Evidence {
    match prove(claims, mfa, now) {
        Ok(proof) => Evidence::Token(Arc::new(proof)),
        Err(error) => Evidence::Invalid(error),
    }
}

fn prove(claims: &Value, mfa: MfaRule, now: Timestamp) -> Result<Proof, TokenError> {
    let claims = verify(&SIGNER.token(claims), now)?;
    let issuer = profile(mfa);
    let text = |name| claims.text(name).map(str::to_owned);
    Ok(Proof {
        principal: Principal::classify(&claims, &rules().class)?,
        tenant: text("tid"),
        home: issuer.home.read(&claims).map(str::to_owned),
        version: claims.version(),
        amr: claims.amr(),
        mfa: issuer.mfa.evaluate(&claims),
        seen: issuer.mfa.see(&claims),
        roles: issuer.roles.find(&claims),
        auth_time: claims.auth_time(rules().auth_time),
        validity: claims.validity(),
        name: None,
        kind: UserKind::Ordinary,
        handles_claims_challenge: claims.handles_claims_challenge(),
        told: Box::default(),
        binding: None,
        possession: None,
        revocable: Revocable::default(),
        attached: Attached::default(),
        issuer,
    })
}

/// The claims of a user who says nothing of MFA, for an hour.
pub(crate) fn user() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": START.as_secs() + 3600, "sub": "u", "oid": "user-1", "appid": "app-1",
        "scp": "user_impersonation", "tid": "contoso",
    })
}

/// The claims of an application alone.
pub(crate) fn application(id: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": START.as_secs() + 3600, "sub": "o", "oid": "o", "appid": id,
        "appidacr": "1", "idtyp": "app", "tid": "contoso",
    })
}

/// The claims, with one more or another one.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

/// A rule that enforces this requirement, on a route that exceptions may name.
pub(crate) fn rule(requirement: Requirement) -> Rule {
    Rule { route: "/v1/".to_owned(), ..requirement.into() }
}
