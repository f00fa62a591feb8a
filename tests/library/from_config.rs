//! The library's rule from a configuration file.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use mfa_gateway::library::{Library, LibraryError, RouteError, from_config};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;
use mfa_gateway_layer::Caller;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::Recorder;
use crate::support::gateway::{AUDIENCE, START, config};
use crate::support::rule::{ISSUER, SIGNER, application, user, with};
use crate::support::signer::key_set;

/// A file with these routes and these further sections.
fn text(keys: &str, routes: &str, more: &str) -> String {
    format!(
        "
listeners: [{{ address: 127.0.0.1:0 }}]
issuers:
  - {{ name: idp, issuer: {ISSUER}, jwks_uri: {keys}, audiences: [{AUDIENCE}], algorithms: [ES256], home_claim: home }}
roles: [{{ name: operator, any: [{{ claim: groups, contains: operators }}] }}]
upstreams: [{{ name: api, endpoints: [http://127.0.0.1:9] }}]
routes:
{routes}
{more}
"
    )
}

const ROUTES: &str = "
  - { prefix: /reports/, upstream: api, roles: [operator], dialect: oauth }
  - { prefix: /rest/, upstream: api, mode: report }
  - { path: /orders, upstream: api, methods: [GET], require: authenticated }
  - { path: /orders, upstream: api, methods: [POST], app_only: deny }
";

const EXCEPTION: &str = "
exceptions:
  - { id: EX-1, owner: o, reason: r, expires: 2099-01-01T00:00:00Z, user: user-2 }
";

async fn library(text: &str) -> Result<Library, LibraryError> {
    Library::new(config(text, &[]), Clock::manual(START), Random::seeded(1)).await
}

/// The library of a file whose keys are published.
async fn ready(routes: &str, more: &str) -> (Recorder, Library) {
    let keys = Recorder::key_set(key_set(&[SIGNER.jwk()])).await;
    let library = library(&text(&keys.url(), routes, more)).await.unwrap();
    (keys, library)
}

#[tokio::test]
async fn a_layer_is_as_the_file_says() {
    let (_keys, library) = ready(ROUTES, EXCEPTION).await;
    assert!(library.gateway().is_ready());
    let service = service_fn(async |request: Request<Full<Bytes>>| {
        let grounds = request.extensions().get::<Caller>().unwrap().grounds().code();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(grounds)))
    });
    let call = async |method: Option<Method>, route: &str, claims: &Value| {
        let layer = match method {
            Some(method) => library.layer_for(&method, route),
            None => library.layer(route),
        };
        let request = Request::get("/").header("authorization", format!("Bearer {}", SIGNER.token(claims)));
        layer.unwrap().layer(service).oneshot(request.body(Full::default()).unwrap()).await.unwrap()
    };
    let of = |amr: &str, user_id: &str| {
        let claims = with(with(user(), "oid", json!(user_id)), "amr", json!([amr]));
        with(claims, "groups", json!(["operators"]))
    };
    let refused = call(None, "/reports/", &of("pwd", "user-1")).await;
    assert_eq!(refused.status().as_u16(), 401);
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().contains("insufficient_user_authentication"));
    for (method, route, claims, status) in [
        (None, "/reports/", of("mfa", "user-1"), 200),
        (None, "/reports/", of("pwd", "user-2"), 200),
        (None, "/reports/", with(of("mfa", "user-1"), "groups", json!([])), 403),
        (None, "/reports/", with(of("mfa", "user-1"), "aud", json!("another")), 401),
        (None, "/rest/", of("pwd", "user-1"), 200),
        (Some(Method::GET), "/orders", of("pwd", "user-1"), 200),
        (Some(Method::HEAD), "/orders", application("app-1"), 200),
        (Some(Method::POST), "/orders", of("pwd", "user-1"), 401),
        (Some(Method::POST), "/orders", application("app-1"), 403),
        (Some(Method::DELETE), "/rest/", of("pwd", "user-1"), 200),
    ] {
        assert_eq!(call(method, route, &claims).await.status().as_u16(), status, "{route} {claims}");
    }
    library.gateway().shutdown().await;
}

#[tokio::test]
async fn a_bound_token_is_refused_where_no_layer_can_know_its_sender() {
    let (_keys, library) = ready(ROUTES, "").await;
    let bound = with(with(user(), "amr", json!(["mfa"])), "cnf", json!({ "jkt": "a".repeat(43) }));
    let service =
        service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    for scheme in ["Bearer", "DPoP"] {
        let request = Request::get("/").header("authorization", format!("{scheme} {}", SIGNER.token(&bound)));
        let layered = library.layer("/rest/").unwrap().layer(service);
        let response = layered.oneshot(request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), 401, "{scheme}");
        // Nothing of it is left empty.
        let challenge = response.headers().get("www-authenticate").unwrap().to_str().unwrap();
        assert!(!challenge.contains("algs=\"\""), "{challenge}");
    }
}

#[tokio::test]
async fn a_route_that_is_not_one_for_all_methods_and_hosts_is_no_layer() {
    let hosts = format!(
        "{ROUTES}
  - {{ prefix: /, upstream: api, host: a.example }}
  - {{ prefix: /, upstream: api, host: b.example, require: authenticated }}
  - {{ prefix: /same/, upstream: api, host: a.example }}
  - {{ prefix: /same/, upstream: api, host: b.example }}
"
    );
    let (_keys, library) = ready(&hosts, "").await;
    assert!(matches!(library.layer("/unknown/"), Err(RouteError::Unknown { .. })));
    assert!(matches!(library.layer("/reports"), Err(RouteError::Unknown { .. })));
    assert!(matches!(library.layer("/orders"), Err(RouteError::Methods { .. })));
    assert!(matches!(library.layer_for(&Method::PUT, "/orders"), Err(RouteError::Unknown { .. })));
    assert!(matches!(library.layer("/"), Err(RouteError::Several { .. })));
    library.layer("/same/").unwrap();
}

#[tokio::test]
async fn what_a_layer_would_leave_unchecked_is_an_error_that_names_it() {
    let more = "
rate_limits: [{ name: few, key: application, requests: 5, per: 1m }]
report: {}
partners: [df845f1a-7b35-40a2-ba78-6481de91f8ae]
";
    for (setting, field) in [
        ("upstream: api, sender_constrained: required", "sender_constrained"),
        ("upstream: api, sender_constrained: dpop", "sender_constrained"),
        ("upstream: api, context: partner", "context"),
        ("upstream: api, token_from: { header: X-Token }", "token_from"),
        ("upstream: api, rate_limit: few", "rate_limit"),
        ("upstream: api, body_bytes: 5", "body_bytes"),
        ("upstream: api, at_expiry: close", "at_expiry"),
        ("serve: status_report, roles: [operator], app_only: deny", "serve"),
    ] {
        let (_keys, library) = ready(&format!("  - {{ prefix: /a/, {setting} }}\n{ROUTES}"), more).await;
        match library.layer("/a/") {
            Err(RouteError::Unsupported { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{setting}: {other:?}"),
        }
        // The others have theirs.
        library.layer("/rest/").unwrap();
    }
}

#[tokio::test]
async fn what_no_layer_could_keep_up_with_is_an_error_for_the_whole_file() {
    let events = "
security_events:
  transmitters: [{ name: idp, issuer: idp, audience: https://gateway.example/events }]
";
    let requests = "exception_requests: { request: [operator], approve: [operator] }";
    let with_events = format!("{ROUTES}  - {{ path: /events, serve: security_events, require: public }}\n");
    for (routes, more, field) in
        [(with_events.as_str(), events, "security_events"), (ROUTES, requests, "exception_requests")]
    {
        match library(&text("http://127.0.0.1:9/keys", routes, more)).await {
            Err(LibraryError::Unsupported { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let opaque = text("http://127.0.0.1:9/keys", ROUTES, "").replace(
        "home_claim: home }",
        "introspection: { endpoint: 'http://127.0.0.1:9/', client_id: gateway, client_secret_file: SECRET } }",
    );
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&secret, "a-secret-of-a-client-of-the-issuer").unwrap();
    let error = library(&opaque.replace("SECRET", secret.path().to_str().unwrap())).await.unwrap_err();
    assert!(error.to_string().contains("`issuers[].introspection`"), "{error}");
}

#[tokio::test]
async fn a_file_with_problems_is_an_error_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    std::fs::write(&file, text("no url", ROUTES, "")).unwrap();
    let error = from_config(&file).await.unwrap_err();
    assert!(matches!(&error, LibraryError::Config(error) if error.problems()[0].field == "issuers[0].jwks_uri"));
}
