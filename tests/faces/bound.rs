//! Bound tokens through each face: the proof is for the client's request, counts once, and the challenge reaches the client.

use std::time::Duration;

use serde_json::json;

use super::envoy::{self, FORMS, Form};
use super::{CONFIG, KINDS, Kind};
use crate::sender_constrained::Sender;
use crate::support::envoy_answer::HttpResponse;
use crate::support::{Answer, Call, Http1, Http2};

/// Where a proxy may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Http(Kind),
    Grpc(Form),
}

fn faces() -> Vec<Face> {
    KINDS.map(Face::Http).into_iter().chain(FORMS.map(Face::Grpc)).collect()
}

const URL: &str = "http://api.example/v1/x";

async fn start(nonce: &str) -> Sender {
    Sender::with(&format!("{CONFIG}dpop: {{ {nonce} }}\n")).await
}

impl Face {
    /// Asks about a request to `http://api.example`.
    async fn ask(self, sender: &Sender, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        match self {
            Self::Http(kind) => {
                let mut call = kind.question(method, target, fields);
                if kind == Kind::ForwardAuth {
                    let own = [("method", method), ("uri", target), ("host", "api.example"), ("proto", "http")];
                    let question = |call: Call, (name, value)| call.header(&format!("x-forwarded-{name}"), value);
                    call = own.into_iter().fold(Call::get("/_verdict"), question);
                    call = fields.iter().fold(call, |call, (name, value)| call.header(name, value));
                }
                Http1::connect(kind.address(&sender.gateway)).await.send(&call).await
            }
            Self::Grpc(form) => {
                let connection: Http2 = envoy::connect(&sender.gateway).await;
                envoy::as_answer(envoy::ask(&connection, &envoy::question(form, method, target, fields)).await)
            }
        }
    }
}

/// A proof for a request to this address, with these changes.
fn proof(sender: &Sender, token: &str, changes: &[(&str, &str)]) -> String {
    let mut claims = sender.claims("", token);
    claims["htu"] = json!(URL);
    claims["iat"] = json!(sender.gateway.world.clock.now().as_secs());
    for (name, value) in changes {
        claims[*name] = json!(value);
    }
    sender.key.sign(&Sender::header(&sender.key), &claims)
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.code(), if answer.body.is_empty() { String::new() } else { answer.refusal() })
}

fn refused(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

#[tokio::test]
async fn a_proof_is_for_the_clients_request_and_not_for_the_question() {
    let sender = start("").await;
    let token = sender.token();
    let credential = format!("DPoP {token}");
    for face in faces() {
        let own = match face {
            Face::Http(kind) => kind.address(&sender.gateway),
            Face::Grpc(_) => sender.gateway.authorizer_address(3),
        };
        for (method, target) in [("GET", "/v1/x"), ("POST", "/v1/x?page=1"), ("DELETE", "/v1/x")] {
            let good = proof(&sender, &token, &[("htm", method)]);
            let fields = [("authorization", credential.as_str()), ("dpop", &good)];
            assert_eq!(told(&face.ask(&sender, method, target, &fields).await).0, 200, "{face:?} {method}");
        }
        let wrong = [
            ("htm", "GET".to_owned()),
            ("htu", "https://api.example/v1/x".to_owned()),
            ("htu", "http://api.example/authorize".to_owned()),
            ("htu", "http://api.example/authorize/v1/x".to_owned()),
            ("htu", "http://api.example/_verdict".to_owned()),
            ("htu", "http://api.example/envoy.service.auth.v3.Authorization/Check".to_owned()),
            ("htu", format!("http://{own}/v1/x")),
            ("htu", format!("http://{own}/authorize")),
            ("htu", "http://other.example/v1/x".to_owned()),
        ];
        for (name, value) in wrong {
            let other = proof(&sender, &token, &[("htm", "PATCH"), (name, &value)]);
            let fields = [("authorization", credential.as_str()), ("dpop", &other)];
            let answer = face.ask(&sender, "PATCH", "/v1/x", &fields).await;
            assert_eq!(told(&answer), refused(401, "dpop_proof_invalid"), "{face:?} {name} {value}");
        }
    }
}

#[tokio::test]
async fn a_proof_counts_once_at_whichever_face_or_listener() {
    let sender = start("").await;
    let token = sender.token();
    let credential = format!("DPoP {token}");
    for first in faces() {
        let proof = proof(&sender, &token, &[]);
        let fields = [("authorization", credential.as_str()), ("dpop", proof.as_str())];
        assert_eq!(told(&first.ask(&sender, "GET", "/v1/x", &fields).await).0, 200, "{first:?}");
        for face in faces() {
            let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
            assert_eq!(told(&answer), refused(401, "dpop_proof_replayed"), "{first:?}, then {face:?}");
        }
        let call = Call::get("/v1/x").header("host", "api.example");
        let call = fields.iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer = sender.gateway.send(&call).await;
        assert_eq!(told(&answer), refused(401, "dpop_proof_replayed"), "{first:?}, then the listener");
    }
    let proof = proof(&sender, &token, &[]);
    let call = Call::get("/v1/x").header("host", "api.example").header("authorization", &credential);
    assert_eq!(sender.gateway.send(&call.header("dpop", &proof)).await.code(), 200);
    let fields = [("authorization", credential.as_str()), ("dpop", proof.as_str())];
    for face in faces() {
        let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
        assert_eq!(told(&answer), refused(401, "dpop_proof_replayed"), "the listener, then {face:?}");
    }
}

#[tokio::test]
async fn a_bound_token_is_none_of_a_bearers_and_the_challenge_and_the_nonce_reach_the_client() {
    let sender = start("nonce: {}").await;
    let token = sender.token();
    let (bearer, credential) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let certificate = format!("Bearer {}", sender.token_with(&json!({"x5t#S256": "A".repeat(43)})));
    for face in faces() {
        let stolen = face.ask(&sender, "GET", "/v1/x", &[("authorization", &bearer)]).await;
        assert_eq!(told(&stolen), refused(401, "bound_token_as_bearer"), "{face:?}");
        let with_certificate = [("authorization", certificate.as_str()), ("client-cert", ":AAAA:")];
        let answer = face.ask(&sender, "GET", "/v1/x", &with_certificate).await;
        assert_eq!(told(&answer), refused(401, "certificate_missing"), "{face:?}");
        let without = proof(&sender, &token, &[]);
        let fields = [("authorization", credential.as_str()), ("dpop", without.as_str())];
        let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
        assert_eq!(told(&answer), refused(401, "dpop_nonce_required"), "{face:?}");
        for answer in [&stolen, &answer] {
            let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert!(challenges.len() == 1 && challenges[0].as_bytes().starts_with(b"DPoP error="), "{face:?}");
        }
        let nonce = answer.header("dpop-nonce").expect("a nonce");
        assert_eq!(stolen.header("dpop-nonce"), Some(nonce), "{face:?}");
        let with_it = proof(&sender, &token, &[("nonce", nonce)]);
        let fields = [("authorization", credential.as_str()), ("dpop", with_it.as_str())];
        let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
        assert_eq!((told(&answer).0, answer.header("dpop-nonce")), (200, None), "{face:?}");
    }
}

#[tokio::test]
async fn a_permit_gives_the_next_nonce_to_the_client_and_not_to_the_api() {
    let sender = start("nonce: { lifetime: 60s }").await;
    let token = sender.token();
    let credential = format!("DPoP {token}");
    let first = Face::Http(Kind::Nginx).ask(&sender, "GET", "/v1/x", &[("authorization", &credential)]).await;
    let first = first.header("dpop-nonce").unwrap().to_owned();
    sender.gateway.world.clock.advance(Duration::from_secs(60));
    for face in faces() {
        let proof = proof(&sender, &token, &[("nonce", &first)]);
        let fields = [("authorization", credential.as_str()), ("dpop", proof.as_str())];
        let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
        assert_eq!(answer.code(), 200, "{face:?}");
        assert!(answer.header("dpop-nonce").is_some_and(|next| next != first), "{face:?}");
    }
    let proof = proof(&sender, &token, &[("nonce", &first)]);
    let fields = [("authorization", credential.as_str()), ("dpop", proof.as_str())];
    let question = envoy::question(Form::Raw, "GET", "/v1/x", &fields);
    let verdict = envoy::ask(&envoy::connect(&sender.gateway).await, &question).await;
    let Some(HttpResponse::OkResponse(permit)) = verdict.http_response else { panic!("no permit") };
    assert!(permit.headers.iter().all(|option| option.header.as_ref().unwrap().key != "dpop-nonce"));
    assert!(permit.response_headers_to_add.iter().any(|one| one.header.as_ref().unwrap().key == "dpop-nonce"));
    assert!(permit.headers_to_remove.iter().any(|name| name == "dpop"), "the proof stops at the proxy");
}

#[tokio::test]
async fn the_refusal_that_nginx_asks_for_again_is_the_first_one_and_uses_nothing_up() {
    let sender = start("").await;
    let (good, bad) = (sender.token(), {
        let claims = json!({"jkt": Sender::thumbprint(&sender.key)});
        sender.gateway.changed(|token| {
            token["cnf"] = claims;
            token["amr"] = json!(["pwd"]);
        })
    });
    let nginx = Face::Http(Kind::Nginx);
    let ask = async |token: &str, proof: &str, again: bool| {
        let credential = format!("DPoP {token}");
        let fields = [("authorization", credential.as_str()), ("dpop", proof), ("x-original-refused", "1")];
        told(&nginx.ask(&sender, "GET", "/v1/x", &fields[..if again { 3 } else { 2 }]).await)
    };
    let without_mfa = proof(&sender, &bad, &[]);
    for again in [false, true, true] {
        assert_eq!(ask(&bad, &without_mfa, again).await, refused(401, "mfa_missing"), "{again}");
    }
    assert_eq!(ask(&bad, &without_mfa, false).await, refused(401, "dpop_proof_replayed"));
    let once = proof(&sender, &good, &[]);
    assert_eq!(ask(&good, &once, false).await.0, 200);
    for again in [false, true, true] {
        assert_eq!(ask(&good, &once, again).await, refused(401, "dpop_proof_replayed"), "{again}");
    }
    // A client that says so itself gets no permit, and its proof is as good as before.
    let other = proof(&sender, &good, &[]);
    assert_eq!(ask(&good, &other, true).await.0, 503);
    assert_eq!(ask(&good, &other, false).await.0, 200);
    // No other kind reads it.
    for face in faces().into_iter().filter(|face| *face != nginx) {
        let credential = format!("DPoP {good}");
        let proof = proof(&sender, &good, &[]);
        let fields = [("authorization", credential.as_str()), ("dpop", &proof), ("x-original-refused", "1")];
        assert_eq!(told(&face.ask(&sender, "GET", "/v1/x", &fields).await).0, 200, "{face:?}");
        let answer = face.ask(&sender, "GET", "/v1/x", &fields).await;
        assert_eq!(told(&answer), refused(401, "dpop_proof_replayed"), "{face:?}");
    }
}

#[tokio::test]
async fn no_client_takes_the_callers_identity_away_by_its_connection() {
    let config = CONFIG.replace(
        "audiences: [https://api.partnercenter.microsoft.com] }",
        "audiences: [https://api.partnercenter.microsoft.com], claims_to_headers: [{ claim: oid, header: X-Partner-User }] }",
    );
    let sender = Sender::with(&config).await;
    let token = format!("Bearer {}", sender.gateway.jane());
    for face in faces() {
        let ask = async |connection: &str, target: &str| {
            let fields = [("authorization", token.as_str()), ("connection", connection), ("x-own", "1")];
            face.ask(&sender, "GET", target, &fields).await
        };
        for named in [
            "X-Auth-Request-User",
            "close, x-auth-request-class",
            "MFA-Assertion",
            "Upgrade, X-Partner-User",
            "x-auth-request-user, \u{e9}",
            "\u{e9},\tMFA-Assertion",
        ] {
            for target in ["/v1/x", "/healthz"] {
                assert_eq!(told(&ask(named, target).await), refused(400, "malformed_request"), "{face:?} {named}");
            }
        }
        // As at a listener, these are no connection's.
        for named in
            ["close", "keep-alive", "upgrade", "Authorization, Host, Cookie", "MS-RequestId", "X-Own", "X-Original-URL"]
        {
            let answer = ask(named, "/v1/x").await;
            assert_eq!(answer.code(), 200, "{face:?} {named}");
            assert!(answer.header("x-auth-request-user").is_some(), "{face:?} {named}");
        }
    }
    let envoy = envoy::connect(&sender.gateway).await;
    let fields = [("authorization", token.as_str()), ("connection", "upgrade, X-Own"), ("x-own", "1")];
    let verdict = envoy::ask(&envoy, &envoy::question(Form::Raw, "GET", "/v1/x", &fields)).await;
    let Some(HttpResponse::OkResponse(permit)) = verdict.http_response else { panic!("no permit") };
    assert!(permit.headers_to_remove.iter().any(|name| name == "x-own"), "as a listener removes it");
    assert!(!permit.headers_to_remove.iter().any(|name| name == "connection"), "that is the proxy's own");
}
