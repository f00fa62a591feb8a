//! Every face gives the verdict that a listener gives: status, reason, challenge, body and identity.

use http::HeaderMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::envoy::{self, FORMS, Form};
use super::{CONFIG, KINDS, Kind};
use crate::support::{Answer, Call, Gateway, Http1};

/// The fields that the upstream learns who calls from.
fn identity(fields: &HeaderMap) -> Vec<(String, String)> {
    let named = fields.iter().filter(|(name, value)| name.as_str().starts_with("x-auth-request-") && !value.is_empty());
    let mut told: Vec<_> = named.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    told.sort();
    told
}

/// A body without what differs from request to request.
fn lasting(answer: &Answer) -> String {
    let ids = ["ms-requestid", "ms-correlationid"].map(|name| answer.header(name).unwrap_or("-").to_owned());
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    ids.iter().fold(body, |body, id| body.replace(id.as_str(), "ID"))
}

async fn compare(gateway: &Gateway, method: &str, target: &str, fields: &[(&str, &str)]) {
    let call = Call::new(method.parse().unwrap(), target).header("host", "api.example");
    let call = fields.iter().fold(call, |call, (name, value)| call.header(name, value));
    let before = gateway.world.upstream.count();
    let direct = Http1::connect(gateway.address()).await.send(&call).await;
    let reached = gateway.world.upstream.count() > before;
    let mut answers = Vec::new();
    for kind in KINDS {
        let answer = kind.ask(gateway, method, target, fields).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{kind:?} {method} {target}");
        answers.push((format!("{kind:?}"), answer));
    }
    let connection = envoy::connect(gateway).await;
    for form in FORMS {
        let verdict = envoy::ask(&connection, &envoy::question(form, method, target, fields)).await;
        // Envoy passes no reason phrase on.
        let answer = Answer { reason: direct.reason.clone(), ..envoy::as_answer(verdict) };
        if form == Form::Joined && fields.iter().any(|(name, value)| *name == "authorization" && value.contains(',')) {
            assert_eq!(answer.code(), 400, "two fields look like one with a comma");
            continue;
        }
        answers.push((format!("{form:?}"), answer));
    }
    for (kind, answer) in answers {
        let asked = format!("{kind}: {method} {target} {fields:?}");
        assert_eq!(answer.code() == 200, reached, "{asked}: {} {}", answer.code(), direct.code());
        for name in ["ismfacompliant", "mfa-report"] {
            assert_eq!(answer.header(name), direct.header(name), "{asked}: {name}");
        }
        if reached {
            let seen = gateway.world.upstream.seen().pop().unwrap();
            assert_eq!(identity(&answer.headers), identity(&seen.headers), "{asked}");
            assert!(answer.body.is_empty(), "{asked}");
            continue;
        }
        assert_eq!((answer.status, &answer.reason), (direct.status, &direct.reason), "{asked}");
        for name in ["www-authenticate", "content-type", "retry-after", "allow"] {
            assert_eq!(answer.header(name), direct.header(name), "{asked}: {name}");
        }
        assert_eq!(lasting(&answer), lasting(&direct), "{asked}");
        assert_eq!(identity(&answer.headers), [], "{asked}");
    }
}

#[tokio::test]
async fn a_face_says_what_a_listener_says_to_every_caller_on_every_route() {
    let gateway = Gateway::with(CONFIG).await;
    let application = gateway.world.provider.app_token();
    let expired = gateway.changed(|claims| claims["exp"] = 1_000_000_000.into());
    let callers = [
        None,
        Some(gateway.jane()),
        Some(gateway.john()),
        Some(application),
        Some(expired),
        Some(gateway.without("amr")),
        Some("nonsense".to_owned()),
        Some(format!("{}, Bearer {}", gateway.jane(), gateway.jane())),
    ];
    for caller in callers {
        let authorization = caller.map(|token| format!("Bearer {token}"));
        let mut fields: Vec<(&str, &str)> = vec![("validatemfa", "true"), ("x-auth-request-user", "forged")];
        fields.extend(authorization.as_deref().map(|value| ("authorization", value)));
        for path in ["/healthz", "/signed-in/x", "/v1/customers?size=2", "/trial/", "/users/1", "/orders/7", "/nowhere"]
        {
            for method in ["GET", "POST", "DELETE", "get", "TRACE"] {
                compare(&gateway, method, path, &fields).await;
            }
        }
    }
}

#[tokio::test]
async fn a_face_reads_odd_paths_as_a_listener_does() {
    let gateway = Gateway::with(CONFIG).await;
    let token = format!("Bearer {}", gateway.jane());
    let part = prop::sample::select(vec![
        "v1",
        "healthz",
        "signed-in",
        "users",
        "..",
        ".",
        "%2e%2e",
        "%2F",
        "%5c",
        ";x=1",
        "",
        "a",
        "%00",
        "%",
        "%zz",
        "{}",
        "?",
        "?access_token=x",
        "[",
        "~",
        "%c3%a9",
        "%C0%AF",
        ":",
        "@",
        "*",
    ]);
    let targets = prop::collection::vec(part, 1..6).prop_map(|parts| format!("/{}", parts.join("/")));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..150 {
        let target = targets.new_tree(&mut runner).unwrap().current();
        if target.parse::<http::Uri>().is_ok() {
            compare(&gateway, "GET", &target, &[("authorization", &token)]).await;
            compare(&gateway, "GET", &target, &[]).await;
        }
    }
}

#[tokio::test]
async fn only_faces_permit_on_a_route_for_them() {
    let gateway = Gateway::with(CONFIG).await;
    assert_eq!(gateway.get("/elsewhere/x", &gateway.jane()).await.code(), 404);
    let token = format!("Bearer {}", gateway.jane());
    for kind in KINDS {
        let answer = kind.ask(&gateway, "GET", "/elsewhere/a%2Fb", &[("authorization", &token)]).await;
        assert_eq!(answer.code(), 200, "{kind:?}");
        assert_eq!(kind.ask(&gateway, "GET", "/elsewhere/x", &[]).await.code(), 401, "{kind:?}");
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn envoy_is_told_which_fields_to_remove() {
    let gateway = Gateway::with(CONFIG).await;
    let token = format!("Bearer {}", gateway.jane());
    let fields = [
        ("authorization", token.as_str()),
        ("x_auth_request_user", "forged"),
        ("X-Original-URL", "/admin"),
        ("x-auth.request-tenant", "forged"),
        ("x-auth-request-user", "forged"),
        ("accept", "*/*"),
    ];
    let of = async |path| {
        let answer = Kind::EnvoyHttp.ask(&gateway, "GET", path, &fields).await;
        let names = answer.header("x-envoy-auth-headers-to-remove").unwrap_or_default().to_owned();
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        for name in &names {
            assert!(!answer.headers.contains_key(name), "{name} is set and removed");
        }
        names
    };
    let removed = of("/v1/x").await;
    for name in ["x_auth_request_user", "x-original-url", "x-auth.request-tenant"] {
        assert!(removed.iter().any(|one| one == name), "{name}: {removed:?}");
    }
    for name in ["authorization", "host", "accept", "x-auth-request-user"] {
        assert!(!removed.iter().any(|one| one == name), "{name}: {removed:?}");
    }
    assert!(of("/orders/1").await.iter().any(|one| one == "authorization"));
    let public = of("/healthz").await;
    for name in ["x-auth-request-user", "x-auth-request-class", "x-auth-request-grounds", "x_auth_request_user"] {
        assert!(public.iter().any(|one| one == name), "{name}: {public:?}");
    }
}
