//! No token passes but those that the issuer signed.

use std::slice;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use mfa_gateway::App;
use mfa_gateway::gateway::{Answer, Body, Cleared, Rejection, decision_stack};
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{Algorithm, Key, TokenRules, Unverified};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::{Service, ServiceExt};

use super::parsers::any_json;
use super::runner;
use crate::support::gateway::{START, config};
use crate::support::rule::{ISSUER, rules, user, with};
use crate::support::signer::{encode, key_set};
use crate::support::{Recorder, Signer};

/// The last service of a stack: whatever gets here was permitted.
#[derive(Clone)]
struct Reached;

impl Service<Cleared> for Reached {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Cleared) -> Answer {
        Box::pin(async { Ok(Response::new(Body::empty())) })
    }
}

const STACK: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: https://idp.example/, jwks_uri: \"${JWKS}\", audiences: [https://api.partnercenter.microsoft.com], algorithms: [ES256] }
upstreams: [{ name: api, endpoints: [http://127.0.0.1:9] }]
routes:
  - { path: /public, upstream: api, require: public }
  - { path: /signed-in, upstream: api, require: authenticated }
  - { path: /reported, upstream: api, mode: report }
  - { path: /enforced, upstream: api }
";

/// How a forger signs.
#[derive(Clone, Debug)]
enum Forgery {
    Nothing,
    Bytes(Vec<u8>),
    /// The signature of another token of the issuer.
    Borrowed,
    /// A key of the forger's own.
    OwnKey,
}

fn any_forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        Just(Forgery::Nothing),
        prop::collection::vec(any::<u8>(), 64).prop_map(Forgery::Bytes),
        any::<Vec<u8>>().prop_map(Forgery::Bytes),
        Just(Forgery::Borrowed),
        Just(Forgery::OwnKey),
    ]
}

/// Headers that point to the issuer's key or to none: another `kid` would wait for a fetch.
fn any_header() -> impl Strategy<Value = Value> {
    let algorithm = prop::sample::select(vec!["ES256", "none", "HS256", "RS256", "es256", "EdDSA", "ES384", ""]);
    (algorithm, any::<bool>(), prop::option::of(("[a-z0-9]{1,5}", any_json()))).prop_map(|(alg, kid, more)| {
        let mut header = json!({"alg": alg, "typ": "JWT"});
        if kid {
            header["kid"] = json!("k");
        }
        if let Some((name, value)) = more.filter(|(name, _)| name != "kid") {
            header[name] = value;
        }
        header
    })
}

/// The claims of a user with MFA, most often as they should be.
fn any_payload() -> impl Strategy<Value = Value> {
    let good = with(user(), "amr", json!(["mfa"]));
    let changed = ("[a-z]{1,4}", any_json()).prop_map({
        let good = good.clone();
        move |(name, value)| with(good.clone(), &name, value)
    });
    prop_oneof![3 => Just(good), 2 => changed, 1 => any_json()]
}

struct Forger {
    issuer: Signer,
    own: Signer,
}

impl Forger {
    fn token(&self, header: &Value, payload: &Value, forgery: &Forgery) -> String {
        let input = format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
        let signature = match forgery {
            Forgery::Nothing => Vec::new(),
            Forgery::Bytes(bytes) => bytes.clone(),
            Forgery::Borrowed => self.issuer.signature(b"another token"),
            Forgery::OwnKey => self.own.signature(input.as_bytes()),
        };
        format!("{input}.{}", encode(&signature))
    }
}

fn forger() -> Forger {
    Forger { issuer: Signer::es256("k"), own: Signer::es256("k") }
}

fn verifies(token: &str, key: &Arc<Key>, rules: &TokenRules, now: Timestamp) -> bool {
    Unverified::parse(token).is_ok_and(|unverified| unverified.verify(slice::from_ref(key), rules, now).is_ok())
}

#[test]
fn a_forged_token_never_verifies() {
    let forger = forger();
    let key = Arc::new(forger.issuer.key());
    let rules = TokenRules { algorithms: Algorithm::ALL.to_vec(), ..rules() };
    let good = forger.issuer.token(&with(user(), "amr", json!(["mfa"])));
    assert!(verifies(&good, &key, &rules, START), "the issuer's own token");
    let case = |(header, payload, forgery): (Value, Value, Forgery)| {
        let token = forger.token(&header, &payload, &forgery);
        prop_assert!(!verifies(&token, &key, &rules, START), "{token}");
        Ok(())
    };
    runner(1000).run(&(any_header(), any_payload(), any_forgery()), case).unwrap();
}

#[test]
fn a_forged_token_passes_no_route_but_a_public_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let forger = forger();
    let (stack, _keys) = runtime.block_on(async {
        let keys = Recorder::key_set(key_set(&[forger.issuer.jwk()])).await;
        let config = config(STACK, &[("JWKS", keys.url())]);
        let (live, _) = App::in_process(config, Clock::manual(START), Random::seeded(1)).await.unwrap();
        (decision_stack(live, Reached), keys)
    });
    let reaches = |path: &str, token: &str| {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert("host", http::HeaderValue::from_static("api.example"));
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        runtime.block_on(stack.clone().oneshot(request)).is_ok()
    };
    let good = forger.issuer.token(&with(user(), "amr", json!(["mfa"])));
    assert!(reaches("/enforced", &good), "the issuer's own token");
    let case = |(header, payload, forgery): (Value, Value, Forgery)| {
        let token = forger.token(&header, &payload, &forgery);
        for path in ["/signed-in", "/reported", "/enforced"] {
            prop_assert!(!reaches(path, &token), "{path} {token}");
        }
        prop_assert!(reaches("/public", &token));
        Ok(())
    };
    runner(400).run(&(any_header(), any_payload(), any_forgery()), case).unwrap();
}

#[test]
fn text_that_no_issuer_wrote_never_verifies() {
    let (key, rules) = (Arc::new(Signer::es256("k").key()), rules());
    let text = prop_oneof![
        any::<String>(),
        "[A-Za-z0-9_.=-]{0,300}",
        "[A-Za-z0-9_-]{1,60}\\.[A-Za-z0-9_-]{1,60}\\.[A-Za-z0-9_-]{86}"
    ];
    let case = |text: String| {
        prop_assert!(!verifies(&text, &key, &rules, START));
        Ok(())
    };
    runner(500).run(&text, case).unwrap();
}

/// What is done to one character.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(char),
    Insert(char),
    Remove,
    Double,
    SwapCase,
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    let alphabet: Vec<char> =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é".chars().collect();
    let char = prop::sample::select(alphabet);
    prop_oneof![
        6 => char.clone().prop_map(Mutation::Replace),
        2 => char.prop_map(Mutation::Insert),
        1 => Just(Mutation::Remove),
        1 => Just(Mutation::Double),
        1 => Just(Mutation::SwapCase),
    ]
}

fn mutated(token: &str, at: usize, mutation: &Mutation) -> String {
    let mut chars: Vec<char> = token.chars().collect();
    let old = chars[at];
    match mutation {
        Mutation::Replace(new) => chars[at] = *new,
        Mutation::Insert(new) => chars.insert(at, *new),
        Mutation::Remove => drop(chars.remove(at)),
        Mutation::Double => chars.insert(at, old),
        Mutation::SwapCase if old.is_ascii_lowercase() => chars[at] = old.to_ascii_uppercase(),
        Mutation::SwapCase => chars[at] = old.to_ascii_lowercase(),
    }
    chars.into_iter().collect()
}

#[test]
fn a_token_with_one_character_changed_never_verifies() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256] {
        let signer = Signer::new(algorithm, "k");
        let (key, rules) = (Arc::new(signer.key()), TokenRules { algorithms: Algorithm::ALL.to_vec(), ..rules() });
        let token = signer.token(&with(user(), "amr", json!(["mfa"])));
        assert!(verifies(&token, &key, &rules, START), "{algorithm:?}");
        let case = |(at, mutation): (usize, Mutation)| {
            let changed = mutated(&token, at, &mutation);
            prop_assert!(changed == token || !verifies(&changed, &key, &rules, START), "{mutation:?} at {at}");
            Ok(())
        };
        runner(300).run(&(0..token.len(), any_mutation()), case).unwrap();
        // The last character of each part is where stray bits hide: every other one is tried there.
        let ends: Vec<_> = token.match_indices('.').map(|(at, _)| at - 1).chain([token.len() - 1]).collect();
        for at in ends {
            for new in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=".chars() {
                let changed = mutated(&token, at, &Mutation::Replace(new));
                assert!(changed == token || !verifies(&changed, &key, &rules, START), "{algorithm:?} {new} at {at}");
            }
        }
    }
}

#[test]
fn a_claim_that_must_be_there_and_is_of_another_type_or_value_never_verifies() {
    let signer = Signer::es256("k");
    let (key, rules) = (Arc::new(signer.key()), rules());
    let strategy = (prop::sample::select(vec!["iss", "aud", "exp", "nbf", "iat", "sub", "oid", "appid"]), any_json());
    let case = |(name, value): (&str, Value)| {
        // What is still of the right type and value is no case.
        let sound = match (name, &value) {
            ("iss", value) => value == ISSUER,
            ("exp" | "nbf" | "iat", Value::Number(_)) | ("sub" | "oid" | "appid", Value::String(_)) => true,
            _ => false,
        };
        let token = signer.token(&with(user(), name, value));
        prop_assert!(sound || !verifies(&token, &key, &rules, START), "{token}");
        Ok(())
    };
    runner(500).run(&strategy, case).unwrap();
}
