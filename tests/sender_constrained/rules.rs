//! Each rule of RFC 9449 section 4.3, with what breaks it.

use serde_json::json;

use super::Sender;
use crate::support::gateway::START;
use crate::support::{Call, Http2, Signer, raw};

const PATH: &str = "/v1/customers";

#[tokio::test]
async fn a_bound_token_with_its_proof_is_as_good_as_any_and_the_proof_stops_here() {
    let sender = Sender::start().await;
    let token = sender.token();
    sender.permitted("with a proof", &Sender::call(PATH, &token, &sender.proof(PATH, &token))).await;
    let seen = sender.gateway.world.upstream.seen().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("DPoP {token}").as_str()));
    assert_eq!((seen.header("dpop"), seen.header("x-auth-request-grounds")), (None, Some("mfa")));
    let path = "/removed/x";
    sender.permitted("removed", &Sender::call(path, &token, &sender.proof(path, &token))).await;
    let seen = sender.gateway.world.upstream.seen().pop().unwrap();
    assert_eq!((seen.header("authorization"), seen.header("dpop")), (None, None));
    // A query is no part of the address, and the scheme has no letter case.
    let target = format!("{PATH}?size=10");
    let call = Call::get(&target).header("authorization", &format!("dpop {token}"));
    sender.permitted("a query", &call.header("DPoP", &sender.proof(PATH, &token))).await;
    let http2 = Http2::connect(sender.gateway.address()).await;
    let answer = http2.send(&Sender::call(PATH, &token, &sender.proof(PATH, &token))).await;
    assert_eq!(answer.code(), 200, "over HTTP/2");
}

#[tokio::test]
async fn a_stolen_token_is_worth_nothing_also_once_it_is_cached() {
    let sender = Sender::start().await;
    let token = sender.token();
    for round in ["new", "cached"] {
        let answer = sender.refused(round, &Call::get(PATH).bearer(&token), 401, "bound_token_as_bearer").await;
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(challenge, r#"DPoP error="invalid_token", algs="ES256 ES384 ES512 EdDSA PS256 RS256""#);
        let with_proof = Call::get(PATH).bearer(&token).header("dpop", &sender.proof(PATH, &token));
        sender.refused("a bearer token with a proof", &with_proof, 401, "bound_token_as_bearer").await;
        let bare = Call::get(PATH).header("authorization", &format!("DPoP {token}"));
        let answer = sender.refused("no proof", &bare, 401, "dpop_proof_missing").await;
        assert!(answer.header("www-authenticate").unwrap().starts_with(r#"DPoP error="invalid_dpop_proof", algs=""#));
        sender.permitted("its sender's", &Sender::call(PATH, &token, &sender.proof(PATH, &token))).await;
    }
    let cookie = Call::get("/cookie/x").header("cookie", &format!("t={token}"));
    sender.refused("a cookie", &cookie, 401, "bound_token_as_bearer").await;
}

#[tokio::test]
async fn two_proofs_two_schemes_and_two_credentials_are_refused() {
    let sender = Sender::start().await;
    let token = sender.token();
    let (one, other) = (sender.proof(PATH, &token), sender.proof(PATH, &token));
    let twice = Sender::call(PATH, &token, &one).header("dpop", &other);
    sender.refused("two fields", &twice, 401, "dpop_proof_invalid").await;
    sender.refused("a list", &Sender::call(PATH, &token, &format!("{one}, {other}")), 401, "dpop_proof_invalid").await;
    let both = Sender::call(PATH, &token, &one).header("authorization", &format!("Bearer {token}"));
    sender.refused("both schemes", &both, 400, "malformed_request").await;
    let call = Call::get(PATH).header("authorization", &format!("DPoP {token}, Bearer {token}")).header("dpop", &one);
    sender.refused("both schemes in one field", &call, 401, "credential_malformed").await;
    let target = format!("{PATH}?access_token={token}");
    sender.refused("the query, too", &Sender::call(&target, &token, &one), 400, "malformed_request").await;
    // None of them used the proof up.
    sender.permitted("at last", &Sender::call(PATH, &token, &one)).await;
}

#[tokio::test]
async fn a_token_that_is_not_bound_to_a_key_is_none_of_dpop() {
    let sender = Sender::start().await;
    let unbound = sender.gateway.jane();
    let call = Sender::call(PATH, &unbound, &sender.proof(PATH, &unbound));
    sender.refused("unbound", &call, 401, "token_not_bound").await;
    sender.permitted("as a bearer token", &Call::get(PATH).bearer(&unbound)).await;
    let field = Call::get(PATH).bearer(&unbound).header("dpop", "anything");
    sender.permitted("a bearer token with a field that means nothing", &field).await;
    assert_eq!(sender.gateway.world.upstream.seen().pop().unwrap().header("dpop"), None);
    for (cnf, reason) in [
        (json!({}), "binding_unknown"),
        (json!({"kid": "k"}), "binding_unknown"),
        (json!({"jwk": sender.key.jwk()}), "binding_unknown"),
        (json!({"jkt": Sender::thumbprint(&sender.key), "x5t#S512": "AA"}), "binding_unknown"),
        (json!({"jkt": "AA"}), "claim_malformed"),
        (json!({"jkt": null}), "claim_malformed"),
        (json!("jkt"), "claim_malformed"),
        (json!(null), "claim_malformed"),
        (json!([]), "claim_malformed"),
    ] {
        let token = sender.token_with(&cnf);
        let proof = sender.proof(PATH, &token);
        sender.refused(&cnf.to_string(), &Sender::call(PATH, &token, &proof), 401, reason).await;
        sender.refused(&cnf.to_string(), &Call::get(PATH).bearer(&token), 401, reason).await;
    }
}

#[tokio::test]
async fn a_proof_is_for_this_request_token_and_time_and_signed_with_the_tokens_key() {
    let sender = Sender::start().await;
    let (token, other) = (sender.token(), Signer::es256("other"));
    let address = sender.address(PATH);
    let now = START.as_secs();
    let mut cases: Vec<(String, String)> = Vec::new();
    for (name, values) in [
        ("htm", vec![json!("POST"), json!("get"), json!(null), json!(1), json!(["GET"]), json!("GET ")]),
        (
            "htu",
            vec![
                json!(address.replace("http:", "https:")),
                json!(address.replace(PATH, "/v1/other")),
                json!(address.replace(PATH, "/V1/customers")),
                json!(format!("{address}/")),
                json!(PATH),
                json!(null),
                json!(address.replace("http://", "http://evil@")),
                json!(address.replace("127.0.0.1", "127.0.0.2")),
                json!(address.replace("/v1", "//v1")),
                json!(address.replace("customers", "customers%2F")),
            ],
        ),
        ("iat", vec![json!(now - 61), json!(now + 61), json!(now.to_string()), json!(null), json!(-1), json!(1e300)]),
        ("ath", vec![json!(""), json!(null), sender.claims(PATH, &sender.gateway.jane())["ath"].clone(), json!(token)]),
        ("jti", vec![json!(""), json!(null), json!(7), json!(["x"])]),
        ("exp", vec![json!(now - 1), json!("soon")]),
        ("nonce", vec![json!(1)]),
    ] {
        for value in values {
            let mut claims = sender.claims(PATH, &token);
            claims[name] = value.clone();
            cases.push((format!("{name} {value}"), sender.key.sign(&Sender::header(&sender.key), &claims)));
        }
    }
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let mut claims = sender.claims(PATH, &token);
        claims.as_object_mut().unwrap().remove(name);
        cases.push((format!("without {name}"), sender.key.sign(&Sender::header(&sender.key), &claims)));
    }
    let mut private = sender.key.jwk();
    private["d"] = json!("AA");
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("at+jwt")),
        ("typ", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("jwk", json!(null)),
        ("jwk", private),
        ("jwk", other.jwk()),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = Sender::header(&sender.key);
        header[name] = value.clone();
        cases.push((format!("header {name} {value}"), sender.key.sign(&header, &sender.claims(PATH, &token))));
    }
    let good = sender.proof(PATH, &token);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let twice = sender.claims(PATH, &token).to_string().replacen('{', r#"{"htm":"GET","#, 1);
    cases.extend([
        ("no signature".to_owned(), format!("{input}.")),
        ("padding".to_owned(), format!("{good}=")),
        ("another signature".to_owned(), format!("{input}.{}", signature.chars().rev().collect::<String>())),
        ("a claim twice".to_owned(), sender.key.sign_text(Sender::header(&sender.key).to_string(), twice)),
        ("the token itself".to_owned(), token.clone()),
        ("nothing".to_owned(), String::new()),
        ("a very long one".to_owned(), "a".repeat(20_000)),
    ]);
    for (what, proof) in cases {
        sender.refused(&what, &Sender::call(PATH, &token, &proof), 401, "dpop_proof_invalid").await;
    }
    let foreign = other.sign(&Sender::header(&other), &sender.claims(PATH, &token));
    let answer = sender.refused("another key", &Sender::call(PATH, &token, &foreign), 401, "dpop_key_mismatch").await;
    assert!(answer.header("www-authenticate").unwrap().starts_with(r#"DPoP error="invalid_token""#));
    sender.permitted("none of them used the good one up", &Sender::call(PATH, &token, &good)).await;
}

#[tokio::test]
async fn a_proof_comes_once_on_every_connection_and_across_a_reload() {
    let sender = Sender::start().await;
    let token = sender.token();
    let call = Sender::call(PATH, &token, &sender.proof(PATH, &token));
    sender.permitted("first", &call).await;
    let again = |answer: &crate::support::Answer| (answer.code(), answer.refusal());
    sender.refused("again", &call, 401, "dpop_proof_replayed").await;
    let answer = Http2::connect(sender.gateway.address()).await.send(&call).await;
    assert_eq!(again(&answer), (401, "dpop_proof_replayed".to_owned()));
    sender.gateway.reload(super::CONFIG);
    sender.refused("after a reload", &call, 401, "dpop_proof_replayed").await;
    // The same id at another time is one that came before, too.
    let mut claims = sender.claims(PATH, &token);
    claims["jti"] = json!("one");
    sender
        .permitted("an id", &Sender::call(PATH, &token, &sender.key.sign(&Sender::header(&sender.key), &claims)))
        .await;
    claims["iat"] = json!(START.as_secs() - 1);
    let same = sender.key.sign(&Sender::header(&sender.key), &claims);
    sender.refused("the same id", &Sender::call(PATH, &token, &same), 401, "dpop_proof_replayed").await;
    // What is too old to be accepted need not be remembered.
    sender.gateway.world.clock.advance(std::time::Duration::from_secs(61));
    sender.refused("too old", &call, 401, "dpop_proof_invalid").await;
}

#[tokio::test]
async fn of_the_same_proof_many_times_at_once_one_is_permitted() {
    let sender = Sender::start().await;
    let token = sender.token();
    let call = Sender::call(PATH, &token, &sender.proof(PATH, &token));
    let http2 = Http2::connect(sender.gateway.address()).await;
    let answers = futures_util::future::join_all((0..50).map(|_| http2.send(&call))).await;
    assert_eq!(answers.iter().filter(|answer| answer.code() == 200).count(), 1);
    assert_eq!(sender.gateway.world.upstream.count(), 1);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_one_that_the_client_asked_for() {
    let sender = Sender::start().await;
    let token = sender.token();
    let with = |htu: &str| {
        let mut claims = sender.claims(PATH, &token);
        claims["htu"] = json!(htu);
        let proof = sender.key.sign(&Sender::header(&sender.key), &claims);
        Sender::call(PATH, &token, &proof)
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "api.example")
            .header("x-forwarded-port", "8443")
            .header("x-forwarded-prefix", "/partner")
    };
    for good in ["https://api.example:8443/partner/v1/customers", "https://API.example/partner/v1/customers"] {
        sender.permitted(good, &with(good)).await;
    }
    for bad in [
        "http://api.example/partner/v1/customers",
        "https://api.example/v1/customers",
        "https://api.example:9443/partner/v1/customers",
        &sender.address(PATH),
    ] {
        sender.refused(bad, &with(bad), 401, "dpop_proof_invalid").await;
    }
    let raw = format!(
        "GET {PATH} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nAuthorization: DPoP {token}\r\nDPoP: {}\r\n\r\n",
        {
            let mut claims = sender.claims(PATH, &token);
            claims["htu"] = json!("http://A.example:80/v1/%63ustomers?x#y");
            sender.key.sign(&Sender::header(&sender.key), &claims)
        }
    );
    let answer = raw::exchange(sender.gateway.address(), raw.as_bytes()).await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
}
