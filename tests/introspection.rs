//! Opaque tokens (RFC 7662, RFC 9701): the issuer says what they are, the rules judge it, and nobody floods the issuer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::Full;
use mfa_gateway::config::Config;
use serde_json::{Value, json};

use crate::support::gateway::{AUDIENCE, START, assert_invalid};
use crate::support::recorder::Seen;
use crate::support::signer::key_set;
use crate::support::{Gateway, Recorder, Signer, World};

const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - name: opaque
    issuer: https://idp.example/
    jwks_uri: \"${IDP}/keys\"
    algorithms: [ES256]
    audiences: [https://api.partnercenter.microsoft.com]
    introspection: { endpoint: \"${IDP}/introspect\", client_id: gateway, client_secret_file: \"${SECRET}\", cache: 30s, timeout: 1s MORE }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /v1/, upstream: api }
";

/// How the endpoint responds to a token: status, media type, body.
type Said = (u16, &'static str, String);

/// An issuer with opaque tokens, and a gateway that asks it.
struct Opaque {
    gateway: Gateway,
    issuer: Recorder,
    signer: Arc<Signer>,
    known: Arc<Mutex<HashMap<String, Said>>>,
    _secret: tempfile::NamedTempFile,
}

fn response((status, kind, body): Said) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    response
}

impl Opaque {
    async fn start(more: &str) -> Self {
        let signer = Arc::new(Signer::es256("k"));
        let keys = key_set(&[signer.jwk()]);
        let known = Arc::new(Mutex::new(HashMap::<String, Said>::new()));
        let table = Arc::clone(&known);
        let issuer = Recorder::answering(move |seen: &Seen| {
            if seen.target == "/keys" {
                return response((200, "application/json", keys.clone()));
            }
            let form: HashMap<String, String> = url::form_urlencoded::parse(&seen.body).into_owned().collect();
            let said = table.lock().unwrap().get(&form["token"]).cloned();
            response(said.unwrap_or_else(|| (200, "application/json", r#"{"active":false}"#.to_owned())))
        })
        .await;
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "a secret").unwrap();
        let world = World::new().await.with("IDP", &issuer.url()).with("SECRET", secret.path().to_str().unwrap());
        let gateway = world.gateway(&CONFIG.replace("MORE", more)).await;
        Self { gateway, issuer, signer, known, _secret: secret }
    }

    fn says(&self, token: &str, status: u16, kind: &'static str, body: &str) {
        self.known.lock().unwrap().insert(token.to_owned(), (status, kind, body.to_owned()));
    }

    fn knows(&self, token: &str, changes: &Value) {
        self.says(token, 200, "application/json", &content(changes).to_string());
    }

    fn asked(&self) -> usize {
        self.issuer.seen().iter().filter(|seen| seen.target == "/introspect").count()
    }

    async fn code(&self, token: &str) -> (u16, String) {
        let answer = self.gateway.get("/v1/customers", token).await;
        let reason = if answer.code() == 200 { String::new() } else { answer.refusal() };
        (answer.code(), reason)
    }

    async fn is_unavailable(&self, what: &str, token: &str) {
        assert_eq!(self.code(token).await, (503, "introspection_unavailable".to_owned()), "{what}");
    }
}

/// What the issuer says of Jane's token, changed.
fn content(changes: &Value) -> Value {
    let mut content = json!({"active": true, "iss": "https://idp.example/", "aud": AUDIENCE, "sub": "jane",
        "client_id": "portal", "scope": "api", "amr": ["pwd", "mfa"], "token_type": "Bearer",
        "iat": START.as_secs(), "exp": START.as_secs() + 3600});
    content.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    content.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    content
}

#[tokio::test]
async fn an_opaque_token_is_what_its_issuer_says_and_asked_for_once() {
    let all = Opaque::start("").await;
    all.knows("jane.1", &json!({}));
    all.knows("john", &json!({"amr": ["pwd"], "sub": "john"}));
    for _ in 0..3 {
        assert_eq!(all.code("jane.1").await.0, 200);
    }
    assert_eq!(all.asked(), 1);
    let question = all.issuer.seen().into_iter().find(|seen| seen.target == "/introspect").unwrap();
    assert_eq!(question.body, "token=jane.1&token_type_hint=access_token");
    assert_eq!(question.header("authorization"), Some("Basic Z2F0ZXdheTphK3NlY3JldA=="));
    assert_eq!(question.header("accept"), Some("application/json"));
    assert_eq!(all.code("john").await, (401, "mfa_missing".to_owned()), "without MFA");
    assert_invalid("unknown", &all.gateway.get("/v1/customers", "nobody").await, "token_inactive");
    // After its time it is asked for again.
    all.gateway.world.clock.advance(Duration::from_secs(31));
    all.says("jane.1", 200, "application/json", r#"{"active":false}"#);
    assert_eq!(all.code("jane.1").await, (401, "token_inactive".to_owned()));
    all.knows("jane.1", &json!({}));
    assert_eq!(all.code("jane.1").await.0, 401, "remembered for a moment");
    all.gateway.world.clock.advance(Duration::from_secs(6));
    assert_eq!(all.code("jane.1").await.0, 200);
}

#[tokio::test]
async fn what_is_remembered_never_outlives_the_token() {
    let all = Opaque::start("").await;
    // The skew of a minute counts as for any token.
    all.knows("short", &json!({"exp": START.as_secs() - 50}));
    assert_eq!(all.code("short").await.0, 200);
    all.gateway.world.clock.advance(Duration::from_secs(11));
    assert_eq!(all.code("short").await, (401, "token_expired".to_owned()));
}

#[tokio::test]
async fn the_rules_of_claims_hold_for_what_the_issuer_says() {
    let all = Opaque::start("").await;
    for (number, (changes, reason)) in [
        (json!({"iss": null}), "claim_missing"),
        (json!({"iss": "https://elsewhere.example/"}), "issuer_unknown"),
        (json!({"aud": null}), "claim_missing"),
        (json!({"aud": "https://elsewhere.example/"}), "audience_mismatch"),
        (json!({"exp": null}), "claim_missing"),
        (json!({"exp": START.as_secs() - 61}), "token_expired"),
        (json!({"nbf": START.as_secs() + 61}), "token_not_yet_valid"),
        (json!({"exp": "later"}), "claim_malformed"),
        (json!({"token_use": "refresh_token"}), "token_type_not_accepted"),
        (json!({"typ": "ID"}), "token_type_not_accepted"),
        (json!({"amr": "mfa"}), "mfa_missing"),
        (json!({"amr": null}), "amr_absent"),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("token-{number}");
        all.knows(&token, &changes);
        assert_eq!(all.code(&token).await, (401, reason.to_owned()), "{changes}");
    }
}

#[tokio::test]
async fn whatever_is_no_response_is_the_issuers_failure_and_never_the_callers() {
    let all = Opaque::start("").await;
    let good = content(&json!({})).to_string();
    for (what, status, kind, body) in [
        ("an error", 500, "application/json", good.as_str()),
        ("a refusal of the gateway", 401, "application/json", r#"{"error":"invalid_client"}"#),
        ("a redirect", 302, "application/json", good.as_str()),
        ("nothing", 200, "application/json", ""),
        ("a page", 200, "text/html", good.as_str()),
        ("a signed response, not asked for", 200, "application/token-introspection+jwt", good.as_str()),
        ("no object", 200, "application/json", "[true]"),
        ("active as a text", 200, "application/json", r#"{"active":"true"}"#),
        ("active as a number", 200, "application/json", r#"{"active":1}"#),
        ("no active", 200, "application/json", r#"{"sub":"jane"}"#),
        ("active twice", 200, "application/json", r#"{"active":false,"active":true}"#),
        ("cut off", 200, "application/json", r#"{"active":true"#),
    ] {
        all.says("token", status, kind, body);
        all.is_unavailable(what, "token").await;
    }
    all.says("token", 200, "application/json", &format!("{}{}", " ".repeat(300 << 10), good));
    all.is_unavailable("too long", "token").await;
    all.knows("token", &json!({}));
    assert_eq!(all.code("token").await.0, 200, "no failure is remembered");
    let Opaque { gateway, issuer, .. } = all;
    drop(issuer);
    let answer = gateway.get("/v1/customers", "another").await;
    assert_eq!((answer.code(), answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn tokens_of_three_parts_are_never_sent_anywhere() {
    let all = Opaque::start("").await;
    let claims = json!({"iss": "https://idp.example/", "aud": AUDIENCE, "sub": "jane", "amr": ["mfa"],
        "appid": "a", "exp": START.as_secs() + 60});
    let token = all.signer.token(&claims);
    assert_eq!(all.code(&token).await.0, 200);
    let (start, _) = token.rsplit_once('.').unwrap();
    let foreign = Signer::es256("k").token(&claims);
    for (token, reason) in [
        (foreign.as_str(), "signature_invalid"),
        (&format!("{start}.AAAA"), "signature_invalid"),
        (&all.signer.token(&json!({"iss": "https://elsewhere.example/"})), "issuer_unknown"),
    ] {
        assert_eq!(all.code(token).await, (401, reason.to_owned()), "{token}");
    }
    assert_eq!(all.asked(), 0);
    for opaque in ["a", "a.b", "a.b.c", "a.b.c.d.e", "x".repeat(200).as_str()] {
        assert_eq!(all.code(opaque).await, (401, "token_inactive".to_owned()), "{opaque}");
    }
    assert_eq!(all.asked(), 5);
}

#[tokio::test]
async fn a_signed_response_is_the_issuers_for_this_client_and_no_token_otherwise() {
    let all = Opaque::start(", response: jwt").await;
    let whole = |changes: &Value| {
        let mut claims = json!({"iss": "https://idp.example/", "aud": "gateway", "iat": START.as_secs(),
            "token_introspection": content(&json!({}))});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    let signed = |signer: &Signer, typ: &str, claims: &Value| {
        let mut header = signer.header();
        header["typ"] = json!(typ);
        signer.sign(&header, claims)
    };
    let (typ, media) = ("token-introspection+jwt", "application/token-introspection+jwt");
    let good = signed(&all.signer, typ, &whole(&json!({})));
    for (what, kind, body) in [
        ("JSON", "application/json", content(&json!({})).to_string()),
        ("another kind", media, signed(&all.signer, "JWT", &whole(&json!({})))),
        ("an access token", media, signed(&all.signer, "at+jwt", &content(&json!({})))),
        ("a key of nobody", media, signed(&Signer::es256("k"), typ, &whole(&json!({})))),
        ("another issuer", media, signed(&all.signer, typ, &whole(&json!({"iss": "https://elsewhere.example/"})))),
        ("for another client", media, signed(&all.signer, typ, &whole(&json!({"aud": "other"})))),
        (
            "claims at the top",
            media,
            signed(&all.signer, typ, &whole(&json!({"token_introspection": null, "active": true}))),
        ),
    ] {
        all.says("token", 200, kind, &body);
        all.is_unavailable(what, "token").await;
    }
    all.says("token", 200, media, &good);
    assert_eq!(all.code("token").await.0, 200);
    let question = all.issuer.seen().into_iter().find(|seen| seen.target == "/introspect").unwrap();
    assert_eq!(question.header("accept"), Some(media));
    assert_eq!(all.code(&good).await, (401, "token_type_not_accepted".to_owned()), "as an access token");
    let inactive = whole(&json!({"token_introspection": {"active": false}}));
    all.says("ended", 200, media, &signed(&all.signer, typ, &inactive));
    assert_eq!(all.code("ended").await, (401, "token_inactive".to_owned()));
}

#[tokio::test]
async fn many_who_present_one_token_ask_once_and_floods_are_bounded() {
    let all = Opaque::start(", requests_per_second: 20").await;
    all.knows("one", &json!({}));
    let codes = Arc::new(AtomicUsize::new(0));
    let at = |token: String| {
        let address = all.gateway.address();
        async move {
            let call = crate::support::Call::get("/v1/customers").bearer(&token);
            crate::support::Http1::connect(address).await.send(&call).await.code()
        }
    };
    let mut same = tokio::task::JoinSet::new();
    for _ in 0..30 {
        same.spawn(at("one".to_owned()));
    }
    for code in same.join_all().await {
        codes.fetch_add(usize::from(code == 200), Ordering::Relaxed);
    }
    assert_eq!((codes.load(Ordering::Relaxed), all.asked()), (30, 1));
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..60 {
        flood.spawn(at(format!("invented-{number}")));
    }
    let codes = flood.join_all().await;
    let count = |code| codes.iter().filter(|one| **one == code).count();
    assert_eq!((count(401), count(503)), (19, 41), "the clock stands still");
    assert_eq!(all.asked(), 20);
    assert_eq!(all.code("one").await.0, 200, "who is known doesn't notice");
    all.gateway.world.clock.advance(Duration::from_secs(1));
    assert_eq!(all.code("another").await.0, 401);
    let limited = all.gateway.metric("mfa_gateway_introspections_total{result=\"limited\"}").await;
    assert!((limited - 41.0).abs() < 0.1);
}

#[test]
fn a_configuration_that_can_ask_nobody_is_a_problem() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "a secret").unwrap();
    let text = |introspection: &str| {
        let text = CONFIG.replace("introspection: {", &format!("introspection: {{ {introspection}"));
        let text = text.replace(" MORE", "").replace("${SECRET}", secret.path().to_str().unwrap());
        text.replace("${IDP}", "https://idp.example").replace("${UPSTREAM}", "http://127.0.0.1:5000")
    };
    let report = |text: String| match Config::parse("gateway.yaml", &text, HashMap::new()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    assert_eq!(report(text("")), "");
    let two = text("").replace(
        "upstreams:",
        "  - { name: two, issuer: https://two.example/, audiences: [a], introspection: { client_id: g, \
         client_secret_file: SECRET } }\nupstreams:",
    );
    let two = two.replace("SECRET", secret.path().to_str().unwrap());
    let bare = text("").replace("endpoint: \"https://idp.example/introspect\", ", "");
    let plain = text("").replace("https://idp.example/introspect", "http://idp.example/introspect");
    let public = text("authentication: none, ").replace("client_secret_file", "#");
    for (text, problem) in [
        (two, "such a token doesn't say whose it is"),
        (bare, "no discovery document that says where it is asked"),
        (plain, "without TLS"),
        (text("").replace("30s", "1h"), "introspection.cache"),
        (text("concurrency: 0, "), "introspection.concurrency"),
        (text("").replace("client_id: gateway", "client_id: \"\""), "the client's id is empty"),
        (text("authentication: private_key_jwt, "), "this needs a private key"),
        (public.replace('#', "certificate_file"), "clients alone that authenticate"),
    ] {
        let report = report(text.clone());
        assert!(report.contains(problem), "{text}\n{report}");
    }
}
