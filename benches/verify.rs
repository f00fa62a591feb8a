//! A token that is seen for the first time: taken apart, verified, and read.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use mfa_gateway_core::policy::MfaRule;
use mfa_gateway_core::token::{Algorithm, AppOnlyProof, AuthTimeForm, IssuerRule, Principal, TokenRules, Unverified};
use serde_json::{Value, json};

use crate::decide::NOW;
use crate::signer::Signer;

/// The claims of an ordinary Entra v1.0 token; signed with RS256 it has about 1.2 KB.
pub(crate) fn claims() -> Value {
    json!({
        "aud": "https://api.partnercenter.microsoft.com", "iss": "https://idp.example/", "iat": NOW.as_secs(),
        "nbf": NOW.as_secs(), "exp": NOW.as_secs() + 3600, "acr": "1", "aio": "x".repeat(64), "amr": ["pwd", "mfa"],
        "appid": "23ec45a3-5127-4185-9eff-c8887839e6ab", "appidacr": "0", "auth_time": NOW.as_secs(),
        "family_name": "Doe", "given_name": "Jane", "ipaddr": "192.0.2.1", "name": "Jane Doe",
        "oid": "4988e250-5aee-482a-9136-6d269cb755c0", "puid": "10033FFF91D0CB7D", "rh": "I".repeat(40),
        "scp": "user_impersonation", "sub": "mDpbEv4KRMEkTOPKeTPBnDrGqgNAeGQtSPpdMs_OcEA",
        "tid": "df845f1a-7b35-40a2-ba78-6481de91f8ae", "unique_name": "jane@contoso.example",
        "upn": "jane@contoso.example", "uti": "hBdtsN5YQ0qKbdBFNa0OAA", "ver": "1.0",
    })
}

pub(crate) fn rules() -> TokenRules {
    TokenRules {
        issuer: IssuerRule::Exact("https://idp.example/".to_owned()),
        audiences: vec!["https://api.partnercenter.microsoft.com".to_owned()],
        algorithms: Algorithm::ALL.to_vec(),
        clock_skew: Duration::from_secs(60),
        required: Vec::new(),
        client_ids: Vec::new(),
        class: AppOnlyProof::Any.into(),
        auth_time: AuthTimeForm::Seconds,
    }
}

pub(crate) fn verify(criterion: &mut Criterion) {
    let rules = rules();
    let rule = MfaRule::default();
    let mut group = criterion.benchmark_group("verify");
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa] {
        let signer = Signer::new(algorithm, "k");
        let (keys, token) = ([Arc::new(signer.key())], signer.token(&claims()));
        group.bench_function(algorithm.name(), |bencher| {
            bencher.iter(|| {
                let (claims, _) = Unverified::parse(black_box(&token)).unwrap().verify(&keys, &rules, NOW).unwrap();
                let principal = Principal::classify(&claims, &rules.class).unwrap();
                (principal, rule.evaluate(&claims))
            });
        });
    }
    let token = Signer::new(Algorithm::Rs256, "k").token(&claims());
    group.bench_function("parse alone", |bencher| bencher.iter(|| Unverified::parse(black_box(&token)).unwrap()));
    group.finish();
}
