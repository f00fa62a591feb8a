//! The same on requests: what callers read, and that a token that names no audience is no operator's.

use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use crate::support::gateway::START;
use crate::support::rule::with;
use crate::support::signer::key_set;
use crate::support::{Call, Gateway, Recorder, Signer, World};

async fn gateway(issuer: &str, signer: &Signer) -> (Gateway, Recorder) {
    let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
    let config = format!(
        "
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0, authentication: {{ operators: {{ issuer: idp, audiences: [admin] }} }} }}
issuers: [{{ name: idp, jwks_uri: \"${{KEYS}}\", {issuer} }}]
upstreams: [{{ name: api, endpoints: [\"${{UPSTREAM}}\"] }}]
routes:
  - {{ prefix: /mfa/, upstream: api }}
  - {{ prefix: /report/, upstream: api, mode: report }}
  - {{ prefix: /signed-in/, upstream: api, require: authenticated }}
  - {{ prefix: /fresh/, upstream: api, max_age: 15m }}
"
    );
    (World::new().await.with("KEYS", &keys.url()).gateway(&config).await, keys)
}

#[tokio::test]
async fn a_version_that_is_a_number_makes_no_token_of_okta_invalid() {
    let signer = Signer::new(Algorithm::Rs256, "k");
    let rule = "issuer: https://example.okta.com/oauth2/default, audiences: [api://default], mfa_evidence: { any: [{ claim: \
                acr, equals: \"urn:okta:loa:2fa:any\" }] }";
    let (gateway, _keys) = gateway(rule, &signer).await;
    let now = START.as_secs();
    let token = signer.token(&json!({"ver": 1, "jti": "AT.1", "iss": "https://example.okta.com/oauth2/default",
        "aud": "api://default", "iat": now, "exp": now + 3600, "cid": "0oa1", "uid": "00u1", "scp": ["openid", "phone"],
        "sub": "joe@example.com", "auth_time": now, "acr": "urn:okta:loa:2fa:any"}));
    for path in ["/mfa/x", "/report/x", "/signed-in/x", "/fresh/x"] {
        assert_eq!(gateway.get(path, &token).await.code(), 200, "{path}");
    }
    let seen = gateway.world.upstream.seen();
    let header = |name: &str| seen[0].header(name).map(str::to_owned);
    assert_eq!(header("x-auth-request-application"), Some("0oa1".to_owned()));
    assert_eq!(header("x-auth-request-user"), Some("joe@example.com".to_owned()));
}

#[tokio::test]
async fn a_token_for_graph_is_told_so_and_costs_no_fetch() {
    let signer = Signer::new(Algorithm::Rs256, "k");
    let rule = "entra: { tenants: any }, audiences: [\"https://api.partnercenter.microsoft.com\"]";
    let (gateway, keys) = gateway(rule, &signer).await;
    let claims = json!({"iss": "https://sts.windows.net/df845f1a-7b35-40a2-ba78-6481de91f8ae/", "exp": START.as_secs() + 60,
        "tid": "df845f1a-7b35-40a2-ba78-6481de91f8ae", "aud": "https://graph.microsoft.com", "ver": "1.0"});
    let before = keys.count();
    for kid in ["k", "unknown"] {
        let head = json!({"typ": "JWT", "nonce": "AQAB1", "alg": "RS256", "x5t": kid, "kid": kid});
        let answer = gateway.get("/mfa/x", &signer.sign(&head, &claims)).await;
        assert_eq!((answer.code(), answer.refusal().as_str()), (401, "token_of_graph"));
        let body = answer.json();
        for member in ["description", "remedy"] {
            assert!(body[member].as_str().unwrap().contains("Microsoft Graph"), "{body}");
        }
    }
    assert_eq!(keys.count(), before);
}

#[tokio::test]
async fn a_failed_signature_under_a_nonce_is_said_to_be_graphs_and_a_nonce_alone_is_harmless() {
    let signer = Signer::es256("k");
    let (gateway, _keys) =
        gateway("issuer: https://idp.example/, audiences: [api], algorithms: [ES256]", &signer).await;
    let head = json!({"alg": "ES256", "kid": "k", "nonce": "x"});
    let claims = json!({"iss": "https://idp.example/", "aud": "api", "exp": START.as_secs() + 60, "amr": ["mfa"]});
    assert_eq!(gateway.get("/mfa/x", &signer.sign(&head, &claims)).await.code(), 200);
    let forged = Signer::es256("k").sign(&head, &claims);
    assert_eq!(gateway.get("/mfa/x", &forged).await.refusal(), "token_of_graph");
}

#[tokio::test]
async fn a_token_without_an_audience_calls_the_api_but_is_no_operators() {
    let signer = Signer::new(Algorithm::Rs256, "k");
    let (gateway, _keys) = gateway("issuer: https://idp.example/, client_ids: [c]", &signer).await;
    let claims = json!({"iss": "https://idp.example/", "exp": START.as_secs() + 60, "sub": "jane", "client_id": "c",
        "token_use": "access", "amr": ["mfa"], "auth_time": START.as_secs()});
    let changed = |name: &str, value: Value| signer.token(&with(claims.clone(), name, value));
    let status = async |token: &str| {
        let api = gateway.get("/mfa/x", token).await.code();
        (api, gateway.admin_send(&Call::get("/config").bearer(token)).await.code())
    };
    assert_eq!(status(&signer.token(&claims)).await, (200, 401));
    assert_eq!(status(&changed("aud", json!("admin"))).await, (401, 200));
    for (name, value) in [("client_id", json!("d")), ("token_use", json!("id")), ("aud", json!([]))] {
        assert_eq!(status(&changed(name, value.clone())).await, (401, 401), "{name} {value}");
    }
}

#[tokio::test]
async fn a_time_of_sign_in_that_is_a_text_is_said_to_be_that_or_read() {
    let signer = Signer::new(Algorithm::Rs256, "k");
    let issuer = "issuer: http://fs.example.com/adfs/services/trust, audiences: [api], mfa_evidence: { any: [{ claim: \
                  authmethod, contains: x }] }";
    let claims = json!({"iss": "http://fs.example.com/adfs/services/trust", "aud": "api", "exp": START.as_secs() + 60,
        "appid": "a", "ver": "1.0", "authmethod": ["x"], "auth_time": START.to_rfc3339()});
    let token = signer.token(&claims);
    let (gateway, _keys) = gateway(issuer, &signer).await;
    let answer = gateway.get("/fresh/x", &token).await;
    assert_eq!((answer.code(), answer.refusal().as_str()), (401, "authentication_stale"));
    assert_eq!(answer.json()["seen"]["auth_time"], "not a time in the form that is expected");
    let operator = with(with(claims.clone(), "aud", json!("admin")), "auth_time", json!(START.as_secs()));
    let question = json!({"token": token, "path": "/fresh/x"}).to_string();
    let question = Call::post("/explain", &question).header("content-type", "application/json");
    let answer = gateway.admin_send(&question.bearer(&signer.token(&operator))).await;
    let steps = answer.json()["steps"].to_string();
    assert!(steps.contains("an auth_time of the wrong JSON type") && !steps.contains("no auth_time"), "{steps}");
    drop(gateway);
    let (gateway, _keys) = self::gateway(&format!("{issuer}, auth_time: rfc3339"), &signer).await;
    assert_eq!(gateway.get("/fresh/x", &token).await.code(), 200);
    let long_ago = with(claims, "auth_time", json!("2026-09-21T13:58:19Z"));
    assert_eq!(gateway.get("/fresh/x", &signer.token(&long_ago)).await.refusal(), "authentication_stale");
    let seconds = with(operator, "aud", json!("api"));
    assert_eq!(gateway.get("/fresh/x", &signer.token(&seconds)).await.refusal(), "authentication_stale");
}
