//! The pure part of a request: finding its route, and the decision.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use http::Method;
use mfa_gateway::routing::{Pattern, Route, RouteTable};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{
    Attached, Evidence, Exception, ExceptionSet, IssuerProfile, MfaRule, Mode, Proof, Requirement, Revocable,
    RolesFound, Rule, Stage, StageSet, UserKind, Waivers, decide,
};
use mfa_gateway_core::token::{Algorithm, AppOnlyProof, AuthTimeForm, IssuerRule, Principal, TokenRules, Unverified};
use serde_json::json;

use crate::signer::Signer;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
pub(crate) const MFA: Requirement = Requirement::Mfa { max_age: None };

pub(crate) fn route(pattern: Pattern, requirement: Requirement) -> Route {
    Route::new(pattern, requirement.into())
}

/// The evidence of a user who signed in with these methods.
pub(crate) fn evidence(methods: &[&str]) -> Evidence {
    let signer = Signer::es256("k");
    let rules = TokenRules {
        issuer: IssuerRule::Exact("https://idp.example/".to_owned()),
        audiences: vec!["api".to_owned()],
        algorithms: vec![Algorithm::Es256],
        clock_skew: Duration::ZERO,
        required: Vec::new(),
        client_ids: Vec::new(),
        class: AppOnlyProof::Any.into(),
        auth_time: AuthTimeForm::Seconds,
    };
    let claims = json!({
        "iss": "https://idp.example/", "aud": "api", "exp": NOW.as_secs() + 3600, "sub": "s", "oid": "user",
        "appid": "app", "scp": "x", "tid": "t", "amr": methods, "auth_time": NOW.as_secs(),
    });
    let token = signer.token(&claims);
    let (claims, _) = Unverified::parse(&token).unwrap().verify(&[Arc::new(signer.key())], &rules, NOW).unwrap();
    let mfa = MfaRule::default();
    Evidence::Token(Arc::new(Proof {
        principal: Principal::classify(&claims, &rules.class).unwrap(),
        tenant: Some("t".to_owned()),
        home: None,
        version: None,
        amr: claims.amr(),
        mfa: mfa.evaluate(&claims),
        seen: mfa.see(&claims),
        roles: RolesFound::default(),
        auth_time: claims.auth_time(rules.auth_time),
        validity: claims.validity(),
        name: None,
        kind: UserKind::Ordinary,
        handles_claims_challenge: false,
        told: Box::default(),
        binding: None,
        possession: None,
        revocable: Revocable::default(),
        attached: Attached::default(),
        issuer: Arc::new(IssuerProfile { name: "idp".to_owned(), mfa, ..IssuerProfile::default() }),
    }))
}

/// So many exceptions, and as many stages, for the caller's own application in other tenants.
pub(crate) fn waivers(count: usize) -> Waivers {
    let exception = |at: usize| Exception {
        id: format!("EX-{at}"),
        owner: "o".to_owned(),
        reason: "r".to_owned(),
        begins: None,
        expires: NOW.plus(Duration::from_secs(3600)),
        application: Some("app".to_owned()),
        user: None,
        tenant: Some(format!("another-{at}")),
        issuer: None,
        routes: None,
    };
    let stage = |at: usize| Stage {
        issuer: None,
        tenant: Some(format!("another-{at}")),
        application: Some("app".to_owned()),
        activation: Mode::Report.into(),
    };
    let stages = StageSet::new((0..count).map(stage).collect());
    Waivers { stages, ..ExceptionSet::new((0..count).map(exception).collect()).into() }
}

pub(crate) fn decisions(criterion: &mut Criterion) {
    let rule = Rule::from(MFA);
    let mut group = criterion.benchmark_group("decide");
    for (name, methods, count) in
        [("permit", ["pwd", "mfa"], 0), ("deny", ["pwd", "otp"], 0), ("deny, 10,000 waivers", ["pwd", "otp"], 10_000)]
    {
        let (evidence, waivers) = (evidence(&methods), waivers(count));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decide(black_box(&rule), black_box(&evidence), &waivers, NOW));
        });
    }
    group.finish();
}

/// Ten thousand routes that ask for the same.
pub(crate) fn large_table() -> RouteTable {
    RouteTable::new((0..10_000).map(|at| route(Pattern::Prefix(format!("/v1/resource-{at}/")), MFA)).collect())
}

/// 200 routes that ask for the same, and as many that don't, below a public one.
pub(crate) fn tables() -> (RouteTable, RouteTable) {
    let prefix = |at: usize| Pattern::Prefix(format!("/v1/resource-{at}/"));
    let alike = (0..200).map(|at| route(prefix(at), MFA)).collect();
    let mut mixed = vec![route(Pattern::Prefix("/".to_owned()), Requirement::Public)];
    mixed.extend((0..200).map(|at| route(prefix(at), if at % 2 == 0 { MFA } else { Requirement::Authenticated })));
    (RouteTable::new(alike), RouteTable::new(mixed))
}

pub(crate) fn routes(criterion: &mut Criterion) {
    let (alike, mixed) = tables();
    let mut group = criterion.benchmark_group("route");
    for (name, table, path) in [
        ("all routes alike", &alike, "/v1/resource-77/customers/4988e250/orders"),
        ("routes differ", &mixed, "/v1/resource-77/customers/4988e250/orders"),
        ("routes differ, encoded path", &mixed, "/v1/resource-77/caf%C3%A9/a%20b/orders"),
        ("refused: another spelling", &mixed, "/V1/%72esource-78/customers"),
        ("refused: dot segments", &mixed, "/v1/resource-77/../resource-78/x"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| table.find(black_box(path), &Method::GET).is_ok()));
    }
    group.finish();
}
