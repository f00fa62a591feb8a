//! Nonces: a proof with one was made a short time ago (RFC 9449 sections 8 and 9).

use std::time::Duration;

use serde_json::json;

use super::Sender;
use crate::support::{Answer, Call, Gateway, Http2, World};

const PATH: &str = "/v1/x";

/// A key in a file, in base64.
const KEY: &str = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";

async fn start() -> Sender {
    Sender::with(&with_nonces("{}")).await
}

fn with_nonces(nonce: &str) -> String {
    let page = "  - { prefix: /page/, upstream: api, cors: { origins: [https://app.example] } }\n";
    format!("{}{page}dpop: {{ nonce: {nonce} }}\n", super::CONFIG)
}

fn nonce(answer: &Answer) -> String {
    answer.header("dpop-nonce").expect("a nonce").to_owned()
}

fn call(sender: &Sender, path: &str, token: &str, nonce: &str) -> Call {
    let mut claims = sender.claims(path, token);
    claims["nonce"] = json!(nonce);
    claims["iat"] = json!(sender.gateway.world.clock.now().as_secs());
    Sender::call(path, token, &sender.key.sign(&Sender::header(&sender.key), &claims))
}

/// A token that lives for hours.
fn long_lived(sender: &Sender) -> String {
    sender.gateway.changed(|claims| {
        claims["cnf"] = json!({"jkt": Sender::thumbprint(&sender.key)});
        claims["exp"] = json!(crate::support::gateway::START.as_secs() + 36_000);
    })
}

#[tokio::test]
async fn a_proof_without_a_nonce_is_refused_with_one_and_is_no_proof_that_came_before() {
    let sender = start().await;
    let token = sender.token();
    let without = Sender::call(PATH, &token, &sender.proof(PATH, &token));
    let answer = sender.refused("without", &without, 401, "dpop_nonce_required").await;
    let algs = r#"algs="ES256 ES384 ES512 EdDSA PS256 RS256""#;
    assert_eq!(answer.header("www-authenticate"), Some(&*format!(r#"DPoP error="use_dpop_nonce", {algs}"#)));
    let first = nonce(&answer);
    assert!(first.len() == 22 && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    sender.refused("still without", &without, 401, "dpop_nonce_required").await;
    let with_nonce = call(&sender, PATH, &token, &first);
    let answer = sender.permitted("with it", &with_nonce).await;
    assert_eq!(answer.header("dpop-nonce"), None, "it stays the current one for a while");
    let answer = sender.refused("twice", &with_nonce, 401, "dpop_proof_replayed").await;
    assert_eq!(nonce(&answer), first);
    for wrong in ["AAAAAAAAAAAAAAAAAAAAAA", "", &first[..21], &format!("{first}="), &first.to_ascii_lowercase()] {
        sender.refused(wrong, &call(&sender, PATH, &token, wrong), 401, "dpop_nonce_required").await;
    }
    let answer = sender.refused("oauth", &call(&sender, "/oauth/x", &token, ""), 401, "dpop_nonce_required").await;
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"DPoP error="use_dpop_nonce", error_description=""#), "{challenge}");
    assert!(answer.json()["remedy"].as_str().unwrap().contains("`DPoP-Nonce`"));
}

#[tokio::test]
async fn who_has_to_make_a_proof_gets_the_nonce_for_it_and_nobody_else_does() {
    let sender = start().await;
    let token = sender.token();
    let (jane, john) = (sender.gateway.jane(), sender.gateway.john());
    let bare = Call::get(PATH).header("authorization", &format!("DPoP {token}"));
    for (what, call, status, reason) in [
        ("a stolen token", Call::get(PATH).bearer(&token), 401, "bound_token_as_bearer"),
        ("no proof", bare, 401, "dpop_proof_missing"),
        ("no token", Call::get("/dpop/x"), 401, "no_credential"),
        ("an unbound token", Call::get("/dpop/x").bearer(&jane), 401, "binding_required"),
    ] {
        let answer = sender.refused(what, &call, status, reason).await;
        sender.permitted(what, &call_with(&sender, &token, &answer)).await;
    }
    for (what, call) in [
        ("a bearer token", Call::get(PATH).bearer(&jane)),
        ("without MFA", Call::get(PATH).bearer(&john)),
        ("no token", Call::get(PATH)),
        ("public", Call::get("/public")),
    ] {
        assert_eq!(sender.gateway.send(&call).await.header("dpop-nonce"), None, "{what}");
    }
    let call = Call::post("/v1/x", "").bearer(&token).header("content-type", "application/grpc");
    let answer = sender.gateway.send(&call).await;
    assert_eq!((answer.code(), answer.header("grpc-status")), (200, Some("16")));
    nonce(&answer);
}

fn call_with(sender: &Sender, token: &str, refusal: &Answer) -> Call {
    call(sender, PATH, token, &nonce(refusal))
}

#[tokio::test]
async fn a_permit_gives_the_next_nonce_before_the_old_one_ends() {
    let sender = start().await;
    let token = long_lived(&sender);
    let first = nonce(&sender.gateway.send(&call(&sender, PATH, &token, "")).await);
    sender.gateway.world.clock.advance(Duration::from_secs(300));
    let answer = sender.permitted("the one before", &call(&sender, PATH, &token, &first)).await;
    let second = nonce(&answer);
    assert!(second != first && answer.header("cache-control") == Some("no-store"));
    let http2 = Http2::connect(sender.gateway.address()).await;
    let answer = http2.send(&call(&sender, PATH, &token, &first)).await;
    assert_eq!((answer.code(), nonce(&answer)), (200, second.clone()), "over HTTP/2");
    assert_eq!(sender.permitted("new", &call(&sender, PATH, &token, &second)).await.header("dpop-nonce"), None);
    sender.gateway.world.clock.advance(Duration::from_secs(300));
    let answer = sender.refused("too old", &call(&sender, PATH, &token, &first), 401, "dpop_nonce_required").await;
    let third = nonce(&answer);
    assert!(third != second);
    sender.permitted("the second", &call(&sender, PATH, &token, &second)).await;
    // A reload changes no key, and another process has another one.
    sender.gateway.reload(&with_nonces("{ lifetime: 5m }"));
    sender.permitted("after a reload", &call(&sender, PATH, &token, &third)).await;
    let other = start().await;
    let token = other.token();
    let foreign = call(&other, PATH, &token, &nonce(&other.gateway.send(&call(&other, PATH, &token, "")).await));
    other.permitted("its own", &foreign).await;
    other.refused("of another process", &call(&other, PATH, &token, &third), 401, "dpop_nonce_required").await;
}

#[tokio::test]
async fn replicas_with_a_key_in_common_accept_each_others_nonces_and_a_new_key_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, key: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, key).unwrap();
        file.display().to_string()
    };
    let (old, new) = (file("old.key", KEY), file("new.key", &KEY.replace('q', "r")));
    let keys = |list: &str| with_nonces(&format!("{{ keys: [{list}] }}"));
    let (one, other) = (Sender::with(&keys(&old)).await, Sender::with(&keys(&format!("{new}, {old}"))).await);
    let (token, others) = (one.token(), other.token());
    let given = nonce(&one.gateway.send(&call(&one, PATH, &token, "")).await);
    let answer = other.permitted("the other's", &call(&other, PATH, &others, &given)).await;
    let newer = nonce(&answer);
    assert!(newer != given, "the first key makes nonces");
    one.refused("a key that it lacks", &call(&one, PATH, &token, &newer), 401, "dpop_nonce_required").await;
    one.gateway.reload(&keys(&format!("{new}, {old}")));
    one.permitted("a key that it has now", &call(&one, PATH, &token, &newer)).await;
    assert!(!given.contains(KEY) && !newer.contains(KEY));
}

#[tokio::test]
async fn without_the_section_proofs_need_no_nonce_and_none_is_given() {
    let sender = Sender::start().await;
    let token = sender.token();
    let answer = sender.permitted("none", &Sender::call(PATH, &token, &sender.proof(PATH, &token))).await;
    assert_eq!(answer.header("dpop-nonce"), None);
    sender.permitted("of somebody else", &call(&sender, PATH, &token, "whatever")).await;
    let answer = sender.refused("no proof", &Call::get(PATH).bearer(&token), 401, "bound_token_as_bearer").await;
    assert_eq!(answer.header("dpop-nonce"), None);
}

#[tokio::test]
async fn the_nonce_of_an_upstream_is_not_mixed_with_the_gateways() {
    let world = World::new().await;
    let told = |upstream: &str| {
        with_nonces("{}").replace(
            "  - { prefix: /v1/, upstream: api }",
            &format!("  - {{ prefix: /v1/, upstream: api, {upstream} }}"),
        )
    };
    let edited = told("response_headers: { set: [{ name: DPoP-Nonce, value: upstreams }] }");
    let sender = Sender { gateway: world.gateway(&edited).await, key: crate::support::Signer::es256("sender") };
    let token = long_lived(&sender);
    let first = nonce(&sender.gateway.send(&call(&sender, PATH, &token, "")).await);
    let answer = sender.permitted("the gateway's alone", &call(&sender, PATH, &token, &first)).await;
    assert_eq!(answer.header("dpop-nonce"), None);
    let bearer = sender.permitted("a bearer token", &Call::get(PATH).bearer(&sender.gateway.jane())).await;
    assert_eq!(bearer.header("dpop-nonce"), None);
    sender.gateway.world.clock.advance(Duration::from_secs(300));
    let answer = sender.permitted("the next", &call(&sender, PATH, &token, &first)).await;
    assert_eq!(answer.headers.get_all("dpop-nonce").iter().count(), 1);
    assert!(nonce(&answer) != "upstreams");
    let off = edited.replace("dpop: { nonce: {} }", "");
    sender.gateway.reload(&off);
    let answer = sender.permitted("without nonces", &Call::get(PATH).bearer(&long_lived_jane(&sender.gateway))).await;
    assert_eq!(answer.header("dpop-nonce"), Some("upstreams"));
}

fn long_lived_jane(gateway: &Gateway) -> String {
    gateway.changed(|claims| claims["exp"] = json!(crate::support::gateway::START.as_secs() + 36_000))
}

#[tokio::test]
async fn a_page_of_another_origin_can_read_the_nonce() {
    let sender = start().await;
    let token = sender.token();
    let call = Call::get("/page/x").bearer(&token).header("origin", "https://app.example");
    let answer = sender.refused("a page's", &call, 401, "bound_token_as_bearer").await;
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.split(", ").any(|name| name == "DPoP-Nonce"), "{exposed}");
    nonce(&answer);
}

#[test]
fn what_nonces_can_not_be_made_with_is_a_problem() {
    let problem = |nonce: &str| {
        let text = with_nonces(nonce)
            .replace("${ISSUER}", "https://idp.example/")
            .replace("${UPSTREAM}", "http://127.0.0.1:9");
        let read = std::panic::catch_unwind(|| crate::support::gateway::config(&text, &[]));
        read.err().map(|panic| *panic.downcast::<String>().unwrap()).unwrap_or_default()
    };
    for (nonce, told) in [
        ("{ lifetime: 9s }", "dpop.nonce.lifetime"),
        ("{ lifetime: 61m }", "dpop.nonce.lifetime"),
        ("{ keys: [] }", "dpop.nonce.keys"),
        ("{ keys: [/nowhere/nonce.key] }", "/nowhere/nonce.key"),
        ("{ life: 1m }", "life"),
    ] {
        assert!(problem(nonce).contains(told), "{nonce}: {}", problem(nonce));
    }
    assert_eq!(problem("{ lifetime: 10s }"), "");
}
