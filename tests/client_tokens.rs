//! Tokens that an issuer makes for a client (SIGN-IN 8 and 21), with its keys and its metadata as they come over the wire.

use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{IssuerProfile, MfaFinding};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{
    Algorithm, AuthTimeForm, ClientTokenError, ClientTokenRules, ExpectedIdToken, IssuerRule, MAX_TOKEN_AGE, Occasion,
    TokenError,
};
use mfa_gateway_keys::{Fetching, KeyLocation, KeyMetrics, KeySettings, KeySource};
use mfa_gateway_layer::{ClientVerifier, ClientVerifyError};
use serde_json::{Value, json};
use url::Url;

use crate::support::Signer;
use crate::support::gateway::START;
use crate::support::key_server::{KEYS, KeyServer, METADATA, Reply, signer};

const EXPECTED: ExpectedIdToken<'_> = ExpectedIdToken { occasion: Occasion::SignIn { nonce: "n" }, access_token: "x" };

/// The verifier of client `c`, and the source whose keys are fetched on request.
fn verifier(server: &KeyServer) -> ClientVerifier {
    let settings = KeySettings {
        name: "idp".to_owned(),
        location: KeyLocation::Discovery { url: Url::parse(&server.url(METADATA)).unwrap(), issuer: server.issuer() },
        refresh_interval: Duration::from_secs(3600),
        max_stale: Duration::from_secs(86_400),
        timeout: Duration::from_secs(5),
        allow_http: false,
        ca_file: None,
        authorities: Vec::new(),
        state_directory: None,
        max_waiting: 10,
    };
    let (clock, metrics) = (Clock::manual(START), KeyMetrics::default().issuer("idp"));
    let keys = KeySource::new(settings, clock.clone(), Random::seeded(1), metrics, &Fetching::default()).unwrap();
    let rules = ClientTokenRules {
        issuer: IssuerRule::Exact(server.issuer()),
        client_id: "c".to_owned(),
        required: Vec::new(),
        algorithms: vec![Algorithm::Es256],
        clock_skew: Duration::ZERO,
        max_token_age: MAX_TOKEN_AGE,
        auth_time: AuthTimeForm::Seconds,
    };
    ClientVerifier::new(Arc::new(rules), Arc::new(IssuerProfile::default()), Arc::new(keys), clock)
}

fn run(verifier: &ClientVerifier) {
    tokio::spawn(Arc::clone(verifier.keys()).run(tokio_util::sync::CancellationToken::new()));
}

fn claims(server: &KeyServer, more: &Value) -> Value {
    let mut claims = json!({"iss": server.issuer(), "aud": "c", "sub": "s", "exp": START.as_secs() + 60,
        "iat": START.as_secs()});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn id_token(server: &KeyServer, signer: &Signer) -> String {
    signer.token(&claims(server, &json!({"nonce": "n", "amr": ["pwd", "mfa"], "auth_time": START.as_secs()})))
}

#[tokio::test]
async fn i8_an_unknown_key_is_fetched_once_and_the_token_proves_what_an_access_token_would() {
    let (old, new) = (signer("old"), signer("new"));
    let server = KeyServer::start(&[&old]).await;
    let verifier = verifier(&server);
    run(&verifier);
    verifier.keys().settled().await;
    server.recover(&[&new]);
    let token = verifier.id_token(&id_token(&server, &new), &EXPECTED).await.unwrap();
    assert_eq!(server.count(KEYS), 2);
    let proof = verifier.prove(&token);
    assert_eq!((proof.mfa, proof.auth_time.time()), (MfaFinding::Proven, Some(START)));
    assert_eq!((proof.principal.class(), proof.principal.app().id.as_deref()), ("app_user", Some("c")));
    let gone = verifier.id_token(&id_token(&server, &old), &EXPECTED).await.unwrap_err();
    assert_eq!(gone, TokenError::KeyUnknown.into());
    for number in 0..50 {
        let forged = signer(&number.to_string());
        let refused = verifier.logout_token(&forged.token(&claims(&server, &json!({})))).await.unwrap_err();
        assert_eq!(refused, TokenError::KeyUnknown.into());
    }
    assert!(server.count(KEYS) < 10, "{} fetches for invented keys", server.count(KEYS));
}

#[tokio::test]
async fn i8_without_keys_nothing_is_said_of_a_token() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    server.reply_all(&Reply::status(500));
    let verifier = verifier(&server);
    run(&verifier);
    let token = id_token(&server, &key);
    assert_eq!(verifier.id_token(&token, &EXPECTED).await.unwrap_err(), ClientVerifyError::KeysUnavailable);
}

#[tokio::test]
async fn i21_a_logout_token_is_verified_and_a_foreign_one_costs_no_fetch() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let verifier = verifier(&server);
    run(&verifier);
    verifier.keys().settled().await;
    let event = json!({"jti": "j", "sid": "1", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let token = verifier.logout_token(&key.token(&claims(&server, &event))).await.unwrap();
    assert_eq!((token.subject.as_deref(), token.session.as_deref()), (Some("s"), Some("1")));
    let refused = verifier.logout_token(&id_token(&server, &key)).await.unwrap_err();
    assert_eq!(refused, ClientVerifyError::Invalid(ClientTokenError::Event), "an ID token is none");
    let foreign = signer("b").token(&json!({"iss": "https://other.example/"}));
    assert_eq!(verifier.logout_token(&foreign).await.unwrap_err(), TokenError::IssuerUnknown.into());
    assert_eq!(server.count(KEYS), 1);
}

#[tokio::test]
async fn what_the_issuer_says_of_itself_is_kept_and_asked_for_again_when_it_is_no_use() {
    let key = signer("a");
    let server = KeyServer::start(&[&key]).await;
    let verifier = verifier(&server);
    let keys = verifier.keys();
    assert_eq!(keys.metadata(), None);
    run(&verifier);
    keys.settled().await;
    let metadata = keys.metadata().unwrap();
    assert!(metadata.authorization_endpoint().is_ok() && !metadata.can_sign_in(), "it has no token endpoint");
    assert!(keys.current().is_some(), "which is nothing to the keys");
    let mut document: Value = serde_json::from_str(&server.metadata(&server.issuer(), &server.url(KEYS))).unwrap();
    document["token_endpoint"] = json!("http://192.0.2.1/token");
    server.reply(METADATA, Reply::json(document.to_string()));
    assert!(!keys.metadata_for_sign_in().await.unwrap().can_sign_in(), "plain http, and not loopback");
    document["token_endpoint"] = json!(server.url("/token"));
    server.reply(METADATA, Reply::json(document.to_string()));
    let metadata = keys.metadata_for_sign_in().await.unwrap();
    assert_eq!(metadata.token_endpoint().unwrap().as_str(), server.url("/token"));
    let fetches = server.count(METADATA);
    server.reply_all(&Reply::status(500));
    assert!(keys.metadata_for_sign_in().await.is_some() && server.count(METADATA) == fetches, "good ones are kept");
}
