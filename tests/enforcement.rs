//! The rule on real requests: who passes where, and what the upstream learns of it.

use mfa_gateway_demo::people::{self, CONTOSO, FABRIKAM, PUBLIC_CLIENT_ID};
use mfa_gateway_demo::provider::TokenOptions;
use serde_json::{Value, json};

use crate::support::gateway::START;
use crate::support::{Call, Gateway, World};

/// A route for each thing that a route can ask. `app_only` is the daemon's application.
const ROUTES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - name: idp
    issuer: \"${ISSUER}\"
    audiences: [https://api.partnercenter.microsoft.com]
    mfa_evidence:
      any: [{ claim: amr, contains: mfa }]
      deny: [{ claim: amr, contains: bypass }]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
applications: { control_panel_vendors: [9F7A1C52-3B0E-4C55-8D1A-6F0A2D9BE7C4] }
routes:
  - { prefix: /mfa/, upstream: api }
  - { prefix: /signed-in/, upstream: api, require: authenticated }
  - { prefix: /reported/, upstream: api, mode: report }
  - { prefix: /users/, upstream: api, app_only: deny }
  - { prefix: /partner/, upstream: api, acts_for_partner: true }
  - { prefix: /contoso/, upstream: api, tenants: [df845f1a-7b35-40a2-ba78-6481de91f8ae] }
  - { prefix: /fresh/, upstream: api, max_age: 15m }
  - { prefix: /exempt/, upstream: api }
  - { path: /read-only, upstream: api, methods: [GET] }
exceptions:
  - { id: EX-1, owner: ops, reason: migration, expires: \"${SOON}\", user: 1d6f3ab7-9c58-4e02-87b4-e0a2c5d91f36, routes: [/exempt/] }
  - { id: EX-2, owner: ops, reason: over, expires: \"${NOW}\", user: a30c84f9-b7e5-4d11-96c2-58d0f3e7b62a }
";

async fn start() -> Gateway {
    let world = World::new().await;
    let soon = START.plus(std::time::Duration::from_secs(3600)).to_string();
    world.with("SOON", &soon).with("NOW", &START.to_string()).gateway(ROUTES).await
}

/// Sends a `GET` and returns the status with the reason, or the grounds that the upstream was told.
async fn outcome(gateway: &Gateway, path: &str, token: &str) -> (u16, String) {
    let before = gateway.world.upstream.count();
    let answer = gateway.get(path, token).await;
    let seen = gateway.world.upstream.seen();
    if answer.code() == 200 {
        assert_eq!(seen.len(), before + 1);
        return (200, seen.last().unwrap().header("x-auth-request-grounds").unwrap_or_default().to_owned());
    }
    assert_eq!(seen.len(), before, "{path}: refused, and yet the upstream was reached");
    (answer.code(), answer.refusal())
}

async fn assert_outcomes(gateway: &Gateway, token: &str, expected: &[(&str, u16, &str)]) {
    for (path, status, reason) in expected {
        assert_eq!(outcome(gateway, path, token).await, (*status, (*reason).to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_user_with_mfa_passes_wherever_users_may() {
    let gateway = start().await;
    let expected = [
        ("/mfa/x", 200, "mfa"),
        ("/signed-in/x", 200, "authenticated"),
        ("/reported/x", 200, "mfa"),
        ("/users/x", 200, "mfa"),
        ("/partner/x", 200, "mfa"),
        ("/contoso/x", 200, "mfa"),
        ("/fresh/x", 200, "mfa"),
        ("/exempt/x", 200, "mfa"),
    ];
    assert_outcomes(&gateway, &gateway.jane(), &expected).await;
    let trent = gateway.token(&people::trent());
    assert_outcomes(&gateway, &trent, &[("/mfa/x", 200, "mfa"), ("/contoso/x", 403, "tenant_mismatch")]).await;
}

#[tokio::test]
async fn a_user_without_mfa_passes_where_nobody_asks_or_an_exception_holds() {
    let gateway = start().await;
    let expected = [
        ("/mfa/x", 401, "mfa_missing"),
        ("/signed-in/x", 200, "authenticated"),
        ("/reported/x", 200, "report_only"),
        ("/users/x", 401, "mfa_missing"),
        ("/partner/x", 401, "mfa_missing"),
        ("/contoso/x", 403, "tenant_mismatch"),
        ("/fresh/x", 401, "mfa_missing"),
        ("/exempt/x", 200, "exempt"),
    ];
    assert_outcomes(&gateway, &gateway.john(), &expected).await;
    // Casey's exception has ended this very moment, and says nothing of how the sign-in was done anyway.
    let casey = gateway.token(&people::casey());
    assert_outcomes(&gateway, &casey, &[("/mfa/x", 401, "amr_absent"), ("/reported/x", 200, "report_only")]).await;
}

#[tokio::test]
async fn an_exception_ends_by_itself_and_waives_nothing_but_mfa() {
    let gateway = start().await;
    let john = |change: &dyn Fn(&mut Value)| {
        let mut claims = gateway.world.provider.claims_for(&people::john(), &TokenOptions::default());
        change(&mut claims);
        gateway.world.provider.mint(&claims)
    };
    let long = john(&|claims| claims["exp"] = json!(START.as_secs() + 10_000));
    assert_eq!(outcome(&gateway, "/exempt/x", &long).await, (200, "exempt".to_owned()));
    let invalid = john(&|claims| claims["aud"] = json!("https://another.example"));
    assert_eq!(outcome(&gateway, "/exempt/x", &invalid).await, (401, "audience_mismatch".to_owned()));
    gateway.world.clock.advance(std::time::Duration::from_secs(3599));
    assert_eq!(outcome(&gateway, "/exempt/x", &long).await, (200, "exempt".to_owned()));
    gateway.world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(outcome(&gateway, "/exempt/x", &long).await, (401, "mfa_missing".to_owned()));
}

#[tokio::test]
async fn report_mode_reports_mfa_findings_and_refuses_everything_else() {
    let gateway = start().await;
    let expired = gateway.changed(|claims| claims["exp"] = json!(START.as_secs() - 60));
    let contradictory = gateway.changed(|claims| claims["idtyp"] = json!("app"));
    for (token, reason) in
        [(expired, "token_expired"), (contradictory, "class_contradictory"), ("a.b.c".into(), "token_malformed")]
    {
        assert_eq!(outcome(&gateway, "/reported/x", &token).await, (401, reason.to_owned()));
    }
    assert_eq!(gateway.send(&Call::get("/reported/x")).await.code(), 401);
    assert_eq!(outcome(&gateway, "/reported/x", &gateway.john()).await.0, 200);
    let counted = "mfa_gateway_requests_total{route=\"/reported/\",credential=\"bearer\",result=\"permitted\",reason=\"report_only\",\
         class=\"app_user\",status=\"2xx\",responder=\"upstream\"}";
    assert!((gateway.metric(counted).await - 1.0).abs() < 0.1, "the report counts it");
}

#[tokio::test]
async fn an_application_passes_without_mfa_where_applications_may() {
    let gateway = start().await;
    let daemon = gateway.world.provider.app_token();
    let expected = [
        ("/mfa/x", 200, "app_only"),
        ("/signed-in/x", 200, "app_only"),
        ("/users/x", 403, "app_only_forbidden"),
        ("/contoso/x", 200, "app_only"),
        ("/fresh/x", 200, "app_only"),
        // The daemon's application is a control panel vendor's.
        ("/partner/x", 403, "vendor_app_only"),
    ];
    assert_outcomes(&gateway, &daemon, &expected).await;
    let mut claims = gateway.world.provider.app_claims();
    claims["appid"] = json!(PUBLIC_CLIENT_ID);
    let honest = gateway.world.provider.mint(&claims);
    assert_outcomes(&gateway, &honest, &[("/partner/x", 200, "app_only")]).await;
    claims["appid"] = json!(people::CONFIDENTIAL_CLIENT_ID.to_uppercase());
    let loud = gateway.world.provider.mint(&claims);
    assert_outcomes(&gateway, &loud, &[("/partner/x", 403, "vendor_app_only")]).await;
    claims.as_object_mut().unwrap().remove("appid");
    let nameless = gateway.world.provider.mint(&claims);
    assert_outcomes(&gateway, &nameless, &[("/partner/x", 403, "vendor_app_only")]).await;
    claims["tid"] = json!(FABRIKAM);
    let foreign = gateway.world.provider.mint(&claims);
    assert_outcomes(&gateway, &foreign, &[("/contoso/x", 403, "tenant_mismatch")]).await;
    claims.as_object_mut().unwrap().remove("tid");
    let homeless = gateway.world.provider.mint(&claims);
    assert_outcomes(&gateway, &homeless, &[("/contoso/x", 403, "tenant_mismatch"), ("/mfa/x", 200, "app_only")]).await;
}

#[tokio::test]
async fn only_an_exact_element_of_amr_is_mfa() {
    let gateway = start().await;
    for (amr, status) in [
        (json!(["mfa"]), 200),
        (json!(["pwd", "mfa"]), 200),
        (json!(["MFA"]), 401),
        (json!(["wiaormfa"]), 401),
        (json!(["ngcmfa"]), 401),
        (json!(["mfa "]), 401),
        (json!(["pwd mfa"]), 401),
        (json!(["pwd,mfa"]), 401),
        (json!([["mfa"]]), 401),
        (json!(["mfa", 1]), 401),
        (json!(["mfa", null]), 401),
        (json!("mfa"), 401),
        (json!("[\"mfa\"]"), 401),
        (json!({"mfa": true}), 401),
        (json!({"0": "mfa"}), 401),
        (json!([]), 401),
        (json!(null), 401),
        (json!(true), 401),
    ] {
        let token = gateway.changed(|claims| claims["amr"] = amr.clone());
        assert_eq!(gateway.get("/mfa/x", &token).await.code(), status, "{amr}");
    }
    for name in ["AMR", "amr ", "Amr", "amrs", "acr", "authnmethodsreferences", "amr[]"] {
        let mut claims = gateway.claims(|claims| claims[name] = json!(["mfa"]));
        claims.as_object_mut().unwrap().remove("amr");
        let token = gateway.world.provider.mint(&claims);
        assert_eq!(outcome(&gateway, "/mfa/x", &token).await, (401, "amr_absent".to_owned()), "{name}");
    }
    let denied = gateway.changed(|claims| claims["amr"] = json!(["mfa", "bypass"]));
    assert_eq!(outcome(&gateway, "/mfa/x", &denied).await, (401, "mfa_evidence_denied".to_owned()));
}

#[tokio::test]
async fn a_sign_in_grows_too_old_while_its_token_is_valid() {
    let gateway = start().await;
    let token = gateway.jane();
    for (advance, expected) in [(0, (200, "mfa")), (900, (200, "mfa")), (1, (401, "authentication_stale"))] {
        gateway.world.clock.advance(std::time::Duration::from_secs(advance));
        let (status, reason) = expected;
        assert_eq!(outcome(&gateway, "/fresh/x", &token).await, (status, reason.to_owned()));
    }
    assert_eq!(outcome(&gateway, "/mfa/x", &token).await, (200, "mfa".to_owned()));
    let now = START.as_secs() + 901;
    for auth_time in [json!(null), json!("now"), json!(now + 61), json!(now - 901)] {
        let token = gateway.changed(|claims| claims["auth_time"] = auth_time.clone());
        let (status, reason) = outcome(&gateway, "/fresh/x", &token).await;
        assert_eq!((status, reason.as_str()), (401, "authentication_stale"), "{auth_time}");
    }
    // What can't be read is said to be that, and not to be absent.
    for odd in [json!("2026-11-28T10:00:00.546Z"), json!([now]), json!(null)] {
        let answer = gateway.get("/fresh/x", &gateway.changed(|claims| claims["auth_time"] = odd.clone())).await;
        assert_eq!(answer.json()["seen"]["auth_time"], "not a time in the form that is expected", "{odd}");
    }
    assert_eq!(gateway.get("/fresh/x", &gateway.without("auth_time")).await.json()["seen"]["auth_time"], json!(null));
    // A token that was issued just now doesn't make the sign-in a new one.
    let refreshed = gateway.changed(|claims| claims["auth_time"] = json!(now - 5000));
    assert_eq!(outcome(&gateway, "/fresh/x", &refreshed).await.0, 401);
}

#[tokio::test]
async fn what_matches_no_route_never_reaches_the_upstream() {
    let gateway = start().await;
    let jane = gateway.jane();
    for path in ["/", "/mf", "/mfax", "/MFA/x", "/v1/customers", "/healthz", "/metrics", "/livez"] {
        assert_eq!(outcome(&gateway, path, &jane).await, (404, "no_route".to_owned()), "{path}");
    }
    assert_eq!(outcome(&gateway, "/read-only", &jane).await.0, 200);
    let answer = gateway.send(&Call::post("/read-only", "x").bearer(&jane)).await;
    assert_eq!((answer.code(), answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(gateway.world.upstream.count(), 1);
}

#[tokio::test]
async fn the_upstream_learns_who_calls() {
    let gateway = start().await;
    assert_eq!(gateway.get("/mfa/x", &gateway.jane()).await.code(), 200);
    let seen = gateway.world.upstream.only();
    for (name, value) in [
        ("x-auth-request-class", "app_user"),
        ("x-auth-request-issuer", "idp"),
        ("x-auth-request-tenant", CONTOSO),
        ("x-auth-request-application", PUBLIC_CLIENT_ID),
        ("x-auth-request-user", "4988e250-5aee-482a-9136-6d269cb755c0"),
        ("x-auth-request-methods", "pwd,mfa"),
        ("x-auth-request-grounds", "mfa"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_claim_cannot_break_out_of_its_header() {
    let gateway = start().await;
    let odd = "x\r\nX-Auth-Request-User: admin, \u{e9}%";
    let token = gateway.changed(|claims| {
        claims["oid"] = json!(odd);
        claims["amr"] = json!(["mfa", odd]);
    });
    assert_eq!(gateway.get("/mfa/x", &token).await.code(), 200);
    let seen = gateway.world.upstream.only();
    let escaped = "x%0D%0AX-Auth-Request-User:%20admin%2C%20%C3%A9%25";
    assert_eq!(seen.header("x-auth-request-user"), Some(escaped));
    assert_eq!(seen.header("x-auth-request-methods"), Some(&*format!("mfa,{escaped}")));
}
