//! The admin listener: closed to all but operators, and what it tells them is what is in use.

use std::io::Write;

use http::Method;
use mfa_gateway_demo::people;
use mfa_gateway_demo::provider::TokenOptions;
use serde_json::{Value, json};

use crate::support::admin_paths::PROTECTED;
use crate::support::gateway::START;
use crate::support::{Answer, CONFIG, Call, Gateway, World};

const TOKEN: &str = "an-operators-token-of-the-file-0123456789";
const OPERATORS: &str = "api://gateway-admin";

fn with_admin(admin: &str) -> String {
    CONFIG.replace("admin: { address: 127.0.0.1:0 }", &format!("admin: {{ address: 127.0.0.1:0, {admin} }}"))
}

/// A gateway whose operators have a token of a file.
pub(crate) async fn with_token_file(more: &str) -> (Gateway, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "# first\n{TOKEN}\n\nanother-token-while-one-is-replaced-0123456").unwrap();
    let world = World::new().await.with("TOKENS", file.path().to_str().unwrap());
    let config = with_admin(&format!("authentication: {{ token_file: \"${{TOKENS}}\" }}{more}"));
    (world.gateway(&config).await, file)
}

/// A gateway whose operators sign in.
async fn with_operators(operators: &str) -> Gateway {
    Gateway::with(&with_admin(&format!("authentication: {{ operators: {{ issuer: idp, {operators} }} }}"))).await
}

fn explain(body: &Value) -> Call {
    Call::post("/explain", &body.to_string()).header("content-type", "application/json").bearer(TOKEN)
}

async fn explained(gateway: &Gateway, token: &str, path: &str) -> Value {
    let answer = gateway.admin_send(&explain(&json!({"token": token, "path": path}))).await;
    assert_eq!(answer.code(), 200, "{:?}", answer.body);
    answer.json()
}

/// Asserts a refusal with its reason, and that it tells what to do.
fn assert_refused(what: &str, answer: &Answer, code: u16, reason: &str) {
    assert_eq!((answer.code(), answer.refusal().as_str()), (code, reason), "{what}");
    let body = answer.json();
    for member in ["title", "detail", "remedy", "requestId"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: {member}: {body}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(code != 401 || answer.headers.contains_key("www-authenticate"), "{what}");
}

#[tokio::test]
async fn without_authentication_what_is_for_operators_stays_closed() {
    let gateway = Gateway::start().await;
    for (method, path) in PROTECTED {
        let call = Call::new(method, path);
        assert_refused(path, &gateway.admin_send(&call).await, 403, "admin_closed");
        assert_refused(path, &gateway.admin_send(&call.bearer(&gateway.jane())).await, 403, "admin_closed");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(gateway.admin(path).await.code(), 200, "{path}");
        assert_eq!(gateway.get(path, &gateway.jane()).await.code(), 404, "{path}: the traffic port serves none of it");
    }
}

#[tokio::test]
async fn a_token_of_the_file_lets_in_and_no_other_does() {
    let (gateway, _file) = with_token_file("").await;
    for path in ["/config", "/issuers", "/routes"] {
        let with = |token: &str| Call::get(path).bearer(token);
        assert_eq!(gateway.admin_send(&with(TOKEN)).await.code(), 200, "{path}");
        let second = gateway.admin_send(&with("another-token-while-one-is-replaced-0123456")).await;
        assert_eq!(second.code(), 200, "{path}");
        assert_refused(path, &gateway.admin(path).await, 401, "no_credential");
        for wrong in [&TOKEN[1..], &format!("{TOKEN}0"), &TOKEN.to_uppercase(), &gateway.jane()] {
            assert_refused(path, &gateway.admin_send(&with(wrong)).await, 401, "admin_token_unknown");
        }
        let basic = Call::get(path).header("authorization", &format!("Basic {TOKEN}"));
        assert_refused(path, &gateway.admin_send(&basic).await, 401, "no_credential");
        let query = Call::get(&format!("{path}?access_token={TOKEN}"));
        assert_refused(path, &gateway.admin_send(&query).await, 401, "no_credential");
    }
}

#[tokio::test]
async fn a_reload_takes_another_file_of_tokens_into_use() {
    let (gateway, file) = with_token_file("").await;
    let other = "quite-another-token-of-the-file-0123456789";
    std::fs::write(file.path(), other).unwrap();
    gateway.reload(&with_admin("authentication: { token_file: \"${TOKENS}\" }"));
    assert_refused(
        "before",
        &gateway.admin_send(&Call::get("/config").bearer(TOKEN)).await,
        401,
        "admin_token_unknown",
    );
    let answer = gateway.admin_send(&Call::get("/config").bearer(other)).await;
    assert_eq!((answer.code(), &answer.json()["generation"]), (200, &json!(2)));
    gateway.reload(CONFIG);
    assert_refused("after", &gateway.admin_send(&Call::get("/config").bearer(other)).await, 403, "admin_closed");
}

#[tokio::test]
async fn operators_sign_in_with_mfa_and_the_apis_callers_are_none() {
    let gateway = with_operators(&format!("audiences: [{OPERATORS}]")).await;
    let asked = async |token: &str| gateway.admin_send(&Call::get("/config").bearer(token)).await;
    let of = |person, audience: &str| {
        let mut claims = gateway.world.provider.claims_for(&person, &TokenOptions::default());
        claims["aud"] = json!(audience);
        gateway.world.provider.mint(&claims)
    };
    assert_eq!(asked(&of(people::jane(), OPERATORS)).await.code(), 200);
    let john = asked(&of(people::john(), OPERATORS)).await;
    assert_refused("no MFA", &john, 401, "mfa_missing");
    assert!(john.header("www-authenticate").unwrap().contains("insufficient_user_authentication"));
    assert_refused("the API's caller", &asked(&gateway.jane()).await, 401, "audience_mismatch");
    let operators_token = of(people::jane(), OPERATORS);
    assert_eq!(gateway.get("/v1/customers", &operators_token).await.code(), 401, "an operator's is not for the API");
    let mut app = gateway.world.provider.claims_for(&people::jane(), &TokenOptions::default());
    app["aud"] = json!(OPERATORS);
    app["exp"] = json!(1);
    assert_refused("expired", &asked(&gateway.world.provider.mint(&app)).await, 401, "token_expired");
    assert_refused("random", &asked(TOKEN).await, 401, "token_malformed");
}

#[tokio::test]
async fn of_the_apis_callers_only_listed_users_are_operators() {
    let jane = people::jane().object_id;
    let gateway = with_operators(&format!("users: [\"{jane}\"]")).await;
    let asked = async |token: &str| gateway.admin_send(&Call::get("/config").bearer(token)).await;
    assert_eq!(asked(&gateway.jane()).await.code(), 200);
    assert_refused("another", &asked(&gateway.token(&people::trent())).await, 403, "not_an_operator");
    let app = gateway.world.provider.app_token();
    assert_refused("app-only", &asked(&app).await, 403, "app_only_forbidden");
}

#[tokio::test]
async fn an_exception_from_mfa_makes_nobody_an_operator() {
    let config = with_admin(&format!(
        "authentication: {{ operators: {{ issuer: idp, users: [\"{}\"] }} }}",
        people::john().object_id
    ));
    let exception = format!(
        "exceptions: [{{ id: e, owner: o, reason: r, expires: \"2100-01-01T00:00:00Z\", user: \"{}\" }}]\n",
        people::john().object_id
    );
    let gateway = Gateway::with(&(config + &exception)).await;
    assert_eq!(gateway.get("/v1/customers", &gateway.john()).await.code(), 200, "the exception holds for the API");
    let answer = gateway.admin_send(&Call::get("/config").bearer(&gateway.john())).await;
    assert_refused("john", &answer, 401, "mfa_missing");
}

#[tokio::test]
async fn details_may_be_for_operators_alone() {
    let (gateway, _file) = with_token_file(", details: protected").await;
    assert_refused("metrics", &gateway.admin("/metrics").await, 401, "no_credential");
    assert_eq!(gateway.admin_send(&Call::get("/metrics").bearer(TOKEN)).await.code(), 200);
    assert_eq!(gateway.admin("/readyz").await.json(), json!({"status": "ready"}));
    let asked = gateway.admin_send(&Call::get("/readyz").bearer(TOKEN)).await.json();
    assert_eq!(asked["issuers"][0]["issuer"], "idp");
    assert_eq!(gateway.admin("/livez").await.code(), 200);
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_before_the_token_is_looked_at() {
    let (gateway, _file) = with_token_file(", hosts: [gateway.internal]").await;
    let host = |host: &str| Call::get("/config").bearer(TOKEN).header("host", host);
    assert_refused("rebound", &gateway.admin_send(&host("evil.example")).await, 421, "foreign_host");
    for own in ["localhost:9090", "gateway.internal", "[::1]:1"] {
        assert_eq!(gateway.admin_send(&host(own)).await.code(), 200, "{own}");
    }
    let origin = explain(&json!({"path": "/"})).header("origin", "http://evil.example");
    assert_refused("page", &gateway.admin_send(&origin).await, 403, "foreign_origin");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let (gateway, _file) = with_token_file("").await;
    assert_refused("path", &gateway.admin("/nothing").await, 404, "no_route");
    let answer = gateway.admin_send(&Call::new(Method::DELETE, "/config")).await;
    assert_refused("method", &answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    let answer = gateway.admin_send(&Call::get("/reload").bearer(TOKEN)).await;
    assert_eq!((answer.code(), answer.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn the_configuration_in_use_is_shown_with_its_generation_and_hash() {
    let (gateway, _file) = with_token_file("").await;
    let shown = async || gateway.admin_send(&Call::get("/config").bearer(TOKEN)).await.json();
    let first = shown().await;
    assert_eq!((&first["generation"], &first["needsRestart"]), (&json!(1), &json!([])));
    assert_eq!(first["configuration"]["upstreams"][0]["name"], "api");
    assert!(!first.to_string().contains(TOKEN));
    let config = with_admin("authentication: { token_file: \"${TOKENS}\" }");
    gateway.reload(&config);
    let again = shown().await;
    assert_eq!((&again["generation"], &again["hash"]), (&json!(2), &first["hash"]), "the same content");
    gateway.reload(&format!("{config}threads: 3\nlimits: {{ requests: 7 }}\n"));
    let other = shown().await;
    assert_eq!(other["needsRestart"], json!(["threads", "limits.requests"]));
    assert_ne!(other["hash"], first["hash"]);
}

#[tokio::test]
async fn issuers_are_shown_with_their_keys_and_their_trouble() {
    let (gateway, _file) = with_token_file("").await;
    let shown = gateway.admin_send(&Call::get("/issuers").bearer(TOKEN)).await.json();
    let issuer = &shown["issuers"][0];
    assert_eq!((&issuer["issuer"], &issuer["keys"], &issuer["lastError"]), (&json!("idp"), &json!(1), &Value::Null));
    assert_eq!(issuer["keySet"][0]["kid"], gateway.header()["kid"]);
    assert_eq!(issuer["keySet"][0]["algorithms"], json!(["RS256"]));
    assert!(issuer["discovery"].as_str().unwrap().ends_with("/.well-known/openid-configuration"));
}

#[tokio::test]
async fn routes_are_shown_in_the_order_in_which_they_match() {
    let (gateway, _file) = with_token_file("").await;
    let shown = gateway.admin_send(&Call::get("/routes").bearer(TOKEN)).await.json();
    let paths: Vec<&str> =
        shown["routes"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/healthz", "/signed-in/", "/v1/"]);
    let route = &shown["routes"][2];
    assert_eq!(
        (&route["require"], &route["match"], &route["mode"]),
        (&json!("mfa"), &json!("prefix"), &json!("enforce"))
    );
}

#[tokio::test]
async fn an_explanation_is_what_a_request_with_the_token_gets() {
    let (gateway, _file) = with_token_file("").await;
    let tokens = [
        gateway.jane(),
        gateway.john(),
        gateway.world.provider.app_token(),
        gateway.without("amr"),
        gateway.changed(|claims| claims["exp"] = json!(1)),
        gateway.changed(|claims| claims["aud"] = json!("api://other")),
        format!("{}x", gateway.jane()),
        "not a token".to_owned(),
        "a".repeat(20_000),
        String::new(),
    ];
    for token in &tokens {
        for path in ["/v1/customers", "/signed-in/", "/healthz", "/nowhere", "/v1/%2e%2e/healthz"] {
            let told = explained(&gateway, token, path).await;
            let call = if token.is_empty() { Call::get(path) } else { Call::get(path).bearer(token) };
            let answer = gateway.send(&call).await;
            let (code, refusal) = (answer.code(), if answer.code() == 200 { String::new() } else { answer.refusal() });
            assert_eq!(told["result"], if code == 200 { "pass" } else { "fail" }, "{path}: {told}");
            if code != 200 {
                assert_eq!((&told["status"], &told["reason"]), (&json!(code), &json!(refusal)), "{path}");
            }
            let text = told.to_string();
            assert!(token.split('.').all(|part| part.len() < 9 || !text.contains(part)), "{path}: {text}");
        }
    }
}

#[tokio::test]
async fn an_explanation_follows_a_reload_and_a_rotation() {
    let (gateway, _file) = with_token_file("").await;
    assert_eq!(explained(&gateway, &gateway.john(), "/v1/x").await["reason"], "mfa_missing");
    let config = with_admin("authentication: { token_file: \"${TOKENS}\" }");
    gateway.reload(&config.replace("{ prefix: /v1/, upstream: api }", "{ prefix: /v1/, upstream: api, mode: report }"));
    let told = explained(&gateway, &gateway.john(), "/v1/x").await;
    assert_eq!((&told["decision"], &told["denial"]), (&json!("permit"), &json!("mfa_missing")));
    let _ = gateway.world.provider.rotate(false);
    let token = gateway.jane();
    assert_eq!(explained(&gateway, &token, "/v1/x").await["reason"], "mfa", "the new key was fetched for it");
}

#[tokio::test]
async fn an_explained_token_is_not_kept() {
    let (gateway, _file) = with_token_file("").await;
    let token = gateway.jane();
    explained(&gateway, &token, "/v1/x").await;
    explained(&gateway, &token, "/v1/x").await;
    assert_eq!(gateway.get("/v1/x", &token).await.code(), 200);
    let metrics = String::from_utf8(gateway.admin("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mfa_gateway_token_cache_hits_total 0\n"), "{metrics}");
    assert!(metrics.contains("mfa_gateway_token_cache_misses_total 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_question_that_is_no_question_is_refused_without_repeating_it() {
    let (gateway, _file) = with_token_file("").await;
    let json = |body: &str| Call::post("/explain", body).bearer(TOKEN).header("content-type", "application/json");
    let secret = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2VjcmV0";
    for body in [
        "",
        "[]",
        "{",
        &format!("{{\"token\": \"{secret}\"}}"),
        &format!("{{\"path\": \"/\", \"{secret}\": 1}}"),
        &format!("{{\"path\": \"/\", \"method\": [\"{secret}\"]}}"),
        "{\"path\": \"/\", \"method\": \"G T\"}",
    ] {
        let answer = gateway.admin_send(&json(body)).await;
        assert_refused(body, &answer, 400, "malformed_request");
        assert!(!String::from_utf8_lossy(&answer.body).contains("c2VjcmV0"), "{body}");
    }
    let large = format!("{{\"path\": \"/\", \"token\": \"{}\"}}", "a".repeat(200_000));
    assert_refused("large", &gateway.admin_send(&json(&large)).await, 413, "body_too_large");
    let form = Call::post("/explain", "path=/").bearer(TOKEN).header("content-type", "text/plain");
    assert_refused("form", &gateway.admin_send(&form).await, 415, "unsupported_media_type");
}

#[tokio::test]
async fn an_explanation_says_how_recent_a_sign_in_must_be_and_what_time_it_is() {
    let (gateway, _file) = with_token_file("").await;
    let config = with_admin("authentication: { token_file: \"${TOKENS}\" }");
    gateway.reload(&config.replace("{ prefix: /v1/, upstream: api }", "{ prefix: /v1/, upstream: api, max_age: 15m }"));
    let detail = async |token: &str, name: &str| {
        let steps = explained(&gateway, token, "/v1/x").await["steps"].as_array().unwrap().clone();
        let step = steps.into_iter().find(|step| step["step"] == name).unwrap();
        assert_eq!(step["outcome"], "fail", "{step}");
        step["detail"].as_str().unwrap().to_owned()
    };
    let stale = gateway.changed(|claims| claims["auth_time"] = json!(START.as_secs() - 901));
    let evidence = detail(&stale, "evidence").await;
    let (age, now) = ("signed in at most 900 s ago; seen:", format!("; now {START}"));
    assert!(evidence.contains(age) && evidence.ends_with(&now), "{evidence}");
    assert!(detail(&gateway.without("auth_time"), "evidence").await.contains(", no auth_time; now"));
    let expired = gateway.changed(|claims| claims["exp"] = json!(START.as_secs() - 3600));
    assert!(detail(&expired, "time").await.ends_with(&now));
}

#[tokio::test]
async fn a_gateway_without_a_file_says_that_it_cannot_reload() {
    let (gateway, _file) = with_token_file("").await;
    let answer = gateway.admin_send(&Call::post("/reload", "").bearer(TOKEN)).await;
    assert_refused("reload", &answer, 409, "reload_unavailable");
}
