//! The bytes of a refusal, in each dialect and protocol.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use mfa_gateway_demo::people;
use serde_json::{Value, json};

use crate::support::gateway::{START, user_claims};
use crate::support::signer::key_set;
use crate::support::{Call, Gateway, Http2, Recorder, Signer, World, raw};

const DIALECTS: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
refusals: { request_context: \"appId=cid-v1:03ce8ca8-8373-4021-8f25-d5dd45c7b12f\", documentation: https://docs.example/refusals }
routes:
  - { prefix: /v1/, upstream: api }
  - { prefix: /users/, upstream: api, app_only: deny, methods: [GET] }
  - { prefix: /oauth/, upstream: api, dialect: oauth }
  - { prefix: /oauth/fresh/, upstream: api, dialect: oauth, max_age: 15m }
  - { prefix: /oauth/users/, upstream: api, dialect: oauth, app_only: deny }
";

/// The bytes of an answer to `GET`, with fixed ids and without its date.
async fn bytes(gateway: &Gateway, target: &str, token: Option<&str>) -> String {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut fields = vec![
        ("MS-RequestId", "5f2d8d7c-0000-4000-8000-000000000001"),
        ("MS-CorrelationId", "5f2d8d7c-0000-4000-8000-000000000002"),
    ];
    fields.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let answer = raw::request(gateway.address(), "GET", target, &fields).await;
    assert!(answer.contains("\r\ndate: "), "{answer}");
    let lines = answer.split("\r\n").map(|line| if line.starts_with("date: ") { "date: (now)" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn partner_center_refuses_like_this() {
    let gateway = Gateway::with(DIALECTS).await;
    let casey = gateway.token(&people::casey());
    let expired = gateway.changed(|claims| claims["exp"] = json!(START.as_secs() - 60));
    let daemon = gateway.world.provider.app_token();
    insta::assert_snapshot!("without_mfa", bytes(&gateway, "/v1/customers", Some(&gateway.john())).await);
    insta::assert_snapshot!("without_amr", bytes(&gateway, "/v1/customers", Some(&casey)).await);
    insta::assert_snapshot!("without_token", bytes(&gateway, "/v1/customers", None).await);
    insta::assert_snapshot!("expired", bytes(&gateway, "/v1/customers", Some(&expired)).await);
    insta::assert_snapshot!("app_only", bytes(&gateway, "/users/1", Some(&daemon)).await);
    insta::assert_snapshot!("no_route", bytes(&gateway, "/elsewhere", None).await);
    insta::assert_snapshot!("malformed", bytes(&gateway, "/v1//customers", None).await);
    gateway.world.provider.go_dark(true);
    let dark = World::new().await;
    dark.provider.go_dark(true);
    let dark = dark.gateway(DIALECTS).await;
    insta::assert_snapshot!("keys_unavailable", bytes(&dark, "/v1/customers", Some(&dark.jane())).await);
}

#[tokio::test]
async fn oauth_refuses_like_this() {
    let gateway = Gateway::with(DIALECTS).await;
    let daemon = gateway.world.provider.app_token();
    insta::assert_snapshot!("oauth_without_mfa", bytes(&gateway, "/oauth/x", Some(&gateway.john())).await);
    insta::assert_snapshot!("oauth_without_token", bytes(&gateway, "/oauth/x", None).await);
    insta::assert_snapshot!("oauth_malformed_token", bytes(&gateway, "/oauth/x", Some("a.b.c")).await);
    insta::assert_snapshot!("oauth_app_only", bytes(&gateway, "/oauth/users/1", Some(&daemon)).await);
    let jane = gateway.jane();
    gateway.world.clock.advance(Duration::from_secs(901));
    insta::assert_snapshot!("oauth_stale", bytes(&gateway, "/oauth/fresh/x", Some(&jane)).await);
}

#[tokio::test]
async fn an_entra_client_that_handles_claims_challenges_gets_one() {
    let signer = Signer::es256("k");
    let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
    let config = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: entra, entra: { tenants: any }, jwks_uri: \"${KEYS}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256], dialect: oauth }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /v1/, upstream: api }]
";
    let gateway = World::new().await.with("KEYS", &keys.url()).gateway(config).await;
    let challenge = async |capabilities: Value| {
        let mut claims = user_claims(&format!("https://sts.windows.net/{}/", people::CONTOSO));
        claims["tid"] = json!(people::CONTOSO);
        claims["amr"] = json!(["pwd"]);
        claims["xms_cc"] = capabilities;
        let answer = gateway.get("/v1/x", &signer.token(&claims)).await;
        assert_eq!(answer.code(), 401);
        answer.header("www-authenticate").unwrap().to_owned()
    };
    for capable in [json!(["cp1"]), json!("cp1"), json!(["x", "CP1"])] {
        let challenge = challenge(capable).await;
        let claims = challenge.split("claims=\"").nth(1).unwrap().trim_end_matches('"');
        let claims: Value = serde_json::from_slice(&STANDARD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims, json!({"access_token": {"amr": {"essential": true, "values": ["mfa"]}}}));
        assert!(challenge.starts_with("Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/"));
        assert!(challenge.contains("error=\"insufficient_claims\""), "{challenge}");
    }
    for incapable in [json!(null), json!(["cp2"]), json!("xcp1"), json!({"cp1": true})] {
        let challenge = challenge(incapable).await;
        assert!(challenge.starts_with("Bearer error=\"insufficient_user_authentication\""), "{challenge}");
    }
}

#[tokio::test]
async fn over_http2_headers_and_body_say_the_same() {
    let gateway = Gateway::with(DIALECTS).await;
    let http2 = Http2::connect(gateway.address()).await;
    for (target, token) in [("/v1/x", gateway.john()), ("/oauth/x", gateway.john()), ("/v1/x", "a.b.c".to_owned())] {
        let call = Call::get(target).bearer(&token).header("ms-requestid", "one").header("ms-correlationid", "two");
        let (first, second) = (gateway.send(&call).await, http2.send(&call).await);
        assert_eq!((first.status, first.json()), (second.status, second.json()));
        for name in
            ["www-authenticate", "content-type", "cache-control", "request-context", "ms-requestid", "ms-correlationid"]
        {
            assert_eq!(first.header(name), second.header(name), "{name}");
            assert!(first.header(name).is_some(), "{name}");
        }
        assert_eq!(second.header("transfer-encoding"), None);
        assert_eq!(second.header("connection"), None);
    }
}

#[tokio::test]
async fn a_refused_head_has_no_body_and_the_connection_goes_on() {
    let gateway = Gateway::start().await;
    let mut connection = crate::support::Http1::connect(gateway.address()).await;
    let answer = connection.send(&Call::new(Method::HEAD, "/v1/x").bearer(&gateway.john())).await;
    assert_eq!((answer.code(), answer.body.len()), (401, 0));
    assert_eq!(answer.reason.as_deref(), Some("Unauthorized - MFA required"));
    assert_eq!(connection.send(&Call::get("/v1/x").bearer(&gateway.jane())).await.code(), 200);
}

#[tokio::test]
async fn well_formed_ids_are_kept_and_others_are_made_anew() {
    let gateway = Gateway::start().await;
    let jane = gateway.jane();
    let call = Call::get("/v1/x").bearer(&jane).header("ms-requestid", "abc-1").header("ms-correlationid", "def_2");
    let answer = gateway.send(&call).await;
    assert_eq!((answer.header("ms-requestid"), answer.header("ms-correlationid")), (Some("abc-1"), Some("def_2")));
    let long = "x".repeat(65);
    for odd in ["a b", "<script>", "a\"b", "\u{1f600}", "", long.as_str()] {
        let mut call = Call::get("/v1/x").bearer(&jane);
        if odd.is_ascii() {
            call = call.header("ms-requestid", odd);
        }
        let id = gateway.send(&call).await.header("ms-requestid").unwrap().to_owned();
        assert_eq!(id.len(), 36, "{odd}: {id}");
        assert_eq!(gateway.world.upstream.seen().last().unwrap().header("ms-requestid"), Some(id.as_str()));
    }
    let twice = Call::get("/v1/x").bearer(&jane).header("ms-requestid", "one").header("ms-requestid", "two");
    let id = gateway.send(&twice).await.header("ms-requestid").unwrap().to_owned();
    assert_eq!(id.len(), 36, "{id}");
}

#[tokio::test]
async fn nothing_of_an_unverified_token_and_nothing_of_the_request_is_repeated() {
    let gateway = Gateway::start().await;
    let mark = "MARK-7f3a";
    let header = json!({"alg": mark, "kid": mark, "typ": "JWT"});
    let claims = gateway.claims(|claims| {
        for name in ["iss", "aud", "sub", "amr", "tid", "name"] {
            claims[name] = json!(mark);
        }
    });
    let signed = gateway.world.provider.mint(&claims);
    let unknown = gateway.world.provider.sign_with(&header, &gateway.claims(|_| {}));
    let encoded = crate::support::signer::encode(mark.as_bytes());
    for token in [signed, unknown, format!("{mark}.{mark}.{mark}"), mark.to_owned()] {
        let fields =
            [("Authorization", &*format!("Bearer {token}")), ("User-Agent", mark), ("Cookie", mark), ("Origin", mark)];
        for target in [format!("/v1/{mark}?{mark}"), format!("/{mark}"), format!("/v1//{mark}")] {
            let answer = raw::request(gateway.address(), "GET", &target, &fields).await;
            assert!((400..500).contains(&raw::status(&answer)), "{answer}");
            assert!(!answer.contains(mark) && !answer.contains(&encoded), "{answer}");
        }
    }
    // Of a verified token the methods are shown, as JSON, in the body alone.
    let token = gateway.changed(|claims| claims["amr"] = json!(["\"<\r\nX: y", "pwd"]));
    let answer = gateway.get("/v1/x", &token).await;
    assert_eq!(answer.json()["seen"]["amr"], json!(["\"<\r\nX: y", "pwd"]));
    assert!(!answer.headers.contains_key("x"));
}

#[tokio::test]
async fn a_refused_upload_is_answered_before_its_body_and_closes() {
    let gateway = Gateway::start().await;
    let head = "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n";
    let answer = raw::exchange(gateway.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    // What follows as the body is never a next request.
    let smuggled =
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = raw::exchange(gateway.address(), smuggled.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn a_websocket_of_another_version_is_told_which_one_is_known() {
    let gateway = Gateway::start().await;
    let bearer = format!("Bearer {}", gateway.jane());
    for (version, status) in [("8", 426), ("13, 8", 426), ("", 426)] {
        let head = format!(
            "GET /v1/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {version}\r\n\
             Authorization: {bearer}\r\n\r\n"
        );
        let answer = raw::exchange_half_closed(gateway.address(), head.as_bytes()).await;
        assert_eq!(raw::status(&answer), status, "{version}: {answer}");
        for field in ["sec-websocket-version: 13\r\n", "upgrade: websocket\r\n", "connection: upgrade"] {
            assert!(answer.to_ascii_lowercase().contains(field), "{version}: {answer}");
        }
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn what_tokens_are_expected_to_be_like_is_told_only_where_the_configuration_says_so() {
    let gateway = Gateway::with(DIALECTS).await;
    let elsewhere = gateway.changed(|claims| claims["aud"] = json!("https://other.example"));
    let foreign = gateway.changed(|claims| claims["iss"] = json!("https://other.example/"));
    for token in [&elsewhere, &foreign] {
        assert_eq!(gateway.get("/v1/x", token).await.json()["expected"], Value::Null);
    }
    gateway.reload(&DIALECTS.replace("refusals: {", "refusals: { expected: all,"));
    let told = gateway.get("/v1/x", &elsewhere).await.json();
    assert_eq!(told["expected"], json!({"audiences": ["https://api.partnercenter.microsoft.com"]}));
    assert_eq!((&told["check"], &told["code"]), (&json!("audience"), &json!("900420")));
    let told = gateway.get("/v1/x", &foreign).await.json();
    assert_eq!(told["expected"], json!({"issuers": [gateway.world.provider.issuer()]}));
}
