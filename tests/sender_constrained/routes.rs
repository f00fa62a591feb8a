//! Routes that demand bound tokens, the dialects, and what is left alone.

use serde_json::json;

use super::Sender;
use crate::support::Call;
use crate::support::gateway::config;

const ALGS: &str = r#"algs="ES256 ES384 ES512 EdDSA PS256 RS256""#;

#[tokio::test]
async fn a_route_that_demands_bound_tokens_takes_no_other() {
    let sender = Sender::start().await;
    let (token, unbound) = (sender.token(), sender.gateway.jane());
    for path in ["/bound/x", "/dpop/x"] {
        sender.permitted(path, &Sender::call(path, &token, &sender.proof(path, &token))).await;
        sender.refused(path, &Call::get(path).bearer(&token), 401, "bound_token_as_bearer").await;
        let answer = sender.refused(path, &Call::get(path).bearer(&unbound), 401, "binding_required").await;
        assert!(answer.header("www-authenticate").unwrap().starts_with(r#"DPoP error="invalid_token""#));
    }
    let answer = sender.refused("no token", &Call::get("/dpop/x"), 401, "no_credential").await;
    assert_eq!(answer.header("www-authenticate"), Some(format!("DPoP {ALGS}").as_str()));
    let answer = sender.refused("no token", &Call::get("/bound/x"), 401, "no_credential").await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "as the dialect is documented");
    // A demand is judged after the token, and before MFA.
    let john = sender.gateway.john();
    sender.refused("no MFA", &Call::get("/bound/x").bearer(&john), 401, "binding_required").await;
    let expired = sender.gateway.changed(|claims| claims["exp"] = json!(1));
    sender.refused("expired", &Call::get("/bound/x").bearer(&expired), 401, "token_expired").await;
}

#[tokio::test]
async fn each_dialect_and_grpc_say_what_is_wrong() {
    let sender = Sender::start().await;
    let token = sender.token();
    let answer = sender.refused("oauth", &Call::get("/oauth/x").bearer(&token), 401, "bound_token_as_bearer").await;
    let description = "The token is bound to a key (DPoP), and came as a bearer token.";
    let expected = format!(r#"DPoP error="invalid_token", error_description="{description}", {ALGS}"#);
    assert_eq!(answer.header("www-authenticate"), Some(expected.as_str()));
    let body = answer.json();
    assert_eq!((body["status"].as_u64(), body["check"].as_str()), (Some(401), Some("binding")));
    assert!(body["remedy"].as_str().unwrap().contains("Authorization: DPoP <token>"), "{body}");
    let answer =
        sender.refused("partner-center", &Call::get("/v1/x").bearer(&token), 401, "bound_token_as_bearer").await;
    assert_eq!((answer.json()["code"].as_str(), answer.reason.as_deref()), (Some("900420"), None));
    let late = {
        let mut claims = sender.claims("/oauth/x", &token);
        claims["iat"] = json!(1);
        sender.key.sign(&Sender::header(&sender.key), &claims)
    };
    let answer = sender.refused("late", &Sender::call("/oauth/x", &token, &late), 401, "dpop_proof_invalid").await;
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"DPoP error="invalid_dpop_proof", error_description=""#), "{challenge}");
    assert!(challenge.contains("(iat)") && challenge.matches('"').count() == 6, "{challenge}");
    let call = Call::post("/v1/x", "").bearer(&token).header("content-type", "application/grpc");
    let answer = sender.gateway.send(&call).await;
    assert_eq!((answer.code(), answer.header("grpc-status")), (200, Some("16")));
    assert!(answer.header("grpc-message").unwrap().contains("bound_token_as_bearer"));
    assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP "));
}

#[tokio::test]
async fn on_a_public_route_a_proof_is_the_upstreams_own_affair() {
    let sender = Sender::start().await;
    let call = Sender::call("/public", "a.b.c", "whatever");
    sender.permitted("public", &call).await;
    let seen = sender.gateway.world.upstream.seen().pop().unwrap();
    assert_eq!((seen.header("dpop"), seen.header("authorization")), (Some("whatever"), Some("DPoP a.b.c")));
}

#[tokio::test]
async fn a_full_memory_is_the_gateways_failure_and_forgets_no_proof() {
    let sender = Sender::start().await;
    let small = format!("{}dpop: {{ remembered: 1000 }}\n", super::CONFIG);
    sender.gateway.reload(&small);
    let token = sender.token();
    let first = Sender::call("/v1/x", &token, &sender.proof("/v1/x", &token));
    sender.permitted("first", &first).await;
    // A key has a quarter of a sixteenth of the room.
    for _ in 1..16 {
        sender.permitted("more", &Sender::call("/v1/x", &token, &sender.proof("/v1/x", &token))).await;
    }
    let call = Sender::call("/v1/x", &token, &sender.proof("/v1/x", &token));
    let answer = sender.refused("full", &call, 503, "dpop_memory_full").await;
    assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), (Some("5"), None));
    sender.refused("still known", &first, 401, "dpop_proof_replayed").await;
    sender.permitted("an unbound token", &Call::get("/v1/x").bearer(&sender.gateway.jane())).await;
    sender.gateway.world.clock.advance(std::time::Duration::from_secs(70));
    let mut claims = sender.claims("/v1/x", &token);
    claims["iat"] = json!(sender.gateway.world.clock.now().as_secs());
    let proof = sender.key.sign(&Sender::header(&sender.key), &claims);
    sender.permitted("later", &Sender::call("/v1/x", &token, &proof)).await;
}

#[tokio::test]
async fn the_decision_log_says_what_a_token_is_bound_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decisions.jsonl");
    let sender = Sender::start().await;
    sender.gateway.reload(&format!(
        "{}log: {{ decisions: all, decision_output: \"{}\" }}\n",
        super::CONFIG,
        file.display()
    ));
    let token = sender.token();
    sender.permitted("bound", &Sender::call("/v1/x", &token, &sender.proof("/v1/x", &token))).await;
    sender.refused("stolen", &Call::get("/v1/x").bearer(&token), 401, "bound_token_as_bearer").await;
    sender.permitted("unbound", &Call::get("/v1/x").bearer(&sender.gateway.jane())).await;
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    crate::support::until("the lines", async || lines().len() == 3).await;
    let told: Vec<_> = lines().iter().map(|line| (line["bound_to"].clone(), line["reason"].clone())).collect();
    let expected =
        [(json!(["dpop"]), json!(null)), (json!(["dpop"]), json!("bound_token_as_bearer")), (json!([]), json!(null))];
    assert_eq!(told, expected);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&Sender::thumbprint(&sender.key)) && text.contains(r#""check":"binding""#));
}

#[test]
fn a_demand_that_nobody_could_meet_is_a_problem() {
    let problems = |route: &str| {
        let text = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
issuers: [{{ name: idp, issuer: https://idp.example/, audiences: [a] }}]
upstreams: [{{ name: api, endpoints: [http://127.0.0.1:9] }}]
routes: [{{ prefix: /, upstream: api, {route} }}]
"
        );
        std::panic::catch_unwind(|| config(&text, &[])).err().map(|panic| *panic.downcast::<String>().unwrap())
    };
    for (route, told) in [
        ("sender_constrained: mtls", "no listener asks clients for certificates"),
        ("sender_constrained: dpop, token_from: { cookie: t }", "stands in `Authorization`"),
        ("sender_constrained: required, require: public", "no effect"),
        ("sender_constrained: sometimes", "sender_constrained"),
    ] {
        let problem = problems(route).unwrap_or_default();
        assert!(problem.contains(told), "{route}: {problem}");
    }
    for route in ["sender_constrained: any", "sender_constrained: required", "sender_constrained: dpop"] {
        assert_eq!(problems(route), None, "{route}");
    }
}
