//! A question is about exactly one request, by its kind's own fields.

use super::{CONFIG, KINDS, Kind};
use crate::support::{Call, Gateway, Http1, Http2};

/// A question of nginx or of Traefik with one field changed: left out, empty, doubled, or another.
fn changed(kind: Kind, name: &str, values: &[&str]) -> Call {
    let fields = match kind {
        Kind::Nginx => vec![("x-original-method", "GET"), ("x-original-url", "/healthz"), ("host", "api.example")],
        _ => vec![
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/healthz"),
            ("x-forwarded-host", "api.example"),
            ("x-forwarded-proto", "https"),
        ],
    };
    let path = if kind == Kind::Nginx { "/authorize" } else { "/_verdict" };
    let kept = fields
        .iter()
        .filter(|(one, _)| *one != name)
        .fold(Call::get(path), |call, (name, value)| call.header(name, value));
    values.iter().fold(kept, |call, value| call.header(name, value))
}

#[tokio::test]
async fn what_is_missing_doubled_or_not_a_request_is_refused_on_a_public_route_too() {
    let gateway = Gateway::with(CONFIG).await;
    for (kind, method, target) in [
        (Kind::Nginx, "x-original-method", "x-original-url"),
        (Kind::ForwardAuth, "x-forwarded-method", "x-forwarded-uri"),
    ] {
        let code = async |name, values: &[&str]| {
            let call = changed(kind, name, values);
            Http1::connect(kind.address(&gateway)).await.send(&call).await.code()
        };
        assert_eq!(code(target, &["/healthz"]).await, 200, "{kind:?}");
        for values in [&[][..], &[""], &["GET", "GET"], &["GET", ""], &["G T"], &["GET,POST"]] {
            assert_eq!(code(method, values).await, 400, "{kind:?} {values:?}");
        }
        assert_eq!(code(method, &["CONNECT"]).await, 405, "{kind:?}");
        for values in [
            &[][..],
            &[""],
            &["/healthz", "/healthz"],
            &["/healthz#x"],
            &["http://api.example/healthz"],
            &["//healthz"],
            &["healthz"],
            &["*"],
            &["/healthz x"],
            &["/healthz/../v1/x"],
            &["/healthz%2F..%2Fv1"],
            &["?x"],
        ] {
            let code = code(target, values).await;
            assert!(code == 400 || code == 403 || code == 404, "{kind:?} {values:?}: {code}");
        }
    }
    for (name, values) in [
        ("x-forwarded-host", &[][..]),
        ("x-forwarded-host", &["a.example", "b.example"]),
        ("x-forwarded-proto", &[]),
        ("x-forwarded-proto", &["ws"]),
        ("x-forwarded-for", &["nobody"]),
        ("x-original-url", &["/v1/x"]),
        ("x-original-uri", &["/v1/x"]),
    ] {
        let call = changed(Kind::ForwardAuth, name, values);
        let answer = Http1::connect(Kind::ForwardAuth.address(&gateway)).await.send(&call).await;
        assert_eq!(answer.code(), 400, "{name} {values:?}");
    }
    for (name, values) in
        [("x-forwarded-uri", &["/v1/x"][..]), ("x-original-proto", &["a", "b"]), ("x-original-client", &["x"])]
    {
        let call = changed(Kind::Nginx, name, values);
        assert_eq!(
            Http1::connect(Kind::Nginx.address(&gateway)).await.send(&call).await.code(),
            400,
            "{name} {values:?}"
        );
    }
}

#[tokio::test]
async fn over_http2_a_question_has_one_host_and_no_padded_value() {
    let gateway = Gateway::with(CONFIG).await;
    for kind in [Kind::Nginx, Kind::EnvoyHttp] {
        let http2 = Http2::connect(kind.address(&gateway)).await;
        let authority = kind.address(&gateway).to_string();
        let question = match kind {
            Kind::Nginx => {
                Call::get("/authorize").header("x-original-method", "GET").header("x-original-url", "/healthz")
            }
            _ => Call::get("/authorize/healthz"),
        };
        let code = async |fields: &[(&str, &str)]| {
            let call = fields.iter().fold(question.clone(), |call, (name, value)| call.header(name, value));
            http2.send(&call).await.code()
        };
        assert_eq!(code(&[]).await, 200, "{kind:?}");
        assert_eq!(code(&[("host", &authority)]).await, 200, "{kind:?}");
        for odd in [
            &[("host", "evil.example")][..],
            &[("host", authority.as_str()), ("host", "evil.example")],
            &[("host", authority.as_str()), ("host", authority.as_str())],
            &[("x-padded", " x")][..],
            &[("x-padded", "x\t")],
        ] {
            assert_eq!(code(odd).await, 400, "{kind:?} {odd:?}");
        }
    }
}

#[tokio::test]
async fn the_face_is_at_its_own_path_alone_and_what_is_there_is_no_credential() {
    let gateway = Gateway::with(CONFIG).await;
    let token = gateway.jane();
    for (kind, paths) in [
        (Kind::Nginx, ["/", "/authorize/", "/Authorize", "/authorize/x"]),
        (Kind::ForwardAuth, ["/", "/_verdict/", "/authorize", "/_verdict%20"]),
        (Kind::EnvoyHttp, ["/", "/authorize", "/authorized/healthz", "/healthz"]),
    ] {
        for path in paths {
            let call = kind.question("GET", "/healthz", &[]).at(path);
            assert_eq!(Http1::connect(kind.address(&gateway)).await.send(&call).await.code(), 404, "{kind:?} {path}");
        }
    }
    let call = Kind::Nginx.question("GET", "/v1/x", &[]).at(&format!("/authorize?access_token={token}"));
    assert_eq!(Http1::connect(Kind::Nginx.address(&gateway)).await.send(&call).await.code(), 401);
}

#[tokio::test]
async fn what_a_client_says_of_its_connection_changes_no_answer() {
    let gateway = Gateway::with(CONFIG).await;
    let token = format!("Bearer {}", gateway.jane());
    for kind in KINDS {
        let mut kept = Http1::connect(kind.address(&gateway)).await;
        for odd in [("range", "bytes=0-1"), ("te", "trailers"), ("upgrade", "websocket"), ("expect", "100-continue")] {
            let permitted = kept.send(&kind.question("GET", "/v1/x", &[("authorization", &token), odd])).await;
            assert_eq!(permitted.code(), 200, "{kind:?} {odd:?}");
            assert_eq!(kept.send(&kind.question("GET", "/v1/x", &[odd])).await.code(), 401, "{kind:?} {odd:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_that_nginx_asks_for_again_is_never_a_permit() {
    let gateway = Gateway::with(CONFIG).await;
    let token = format!("Bearer {}", gateway.jane());
    let again = ("x-original-refused", "1");
    let permitted = Kind::Nginx.ask(&gateway, "GET", "/v1/x", &[("authorization", &token), again]).await;
    assert_eq!(permitted.code(), 503);
    assert_eq!(Kind::Nginx.ask(&gateway, "GET", "/v1/x", &[again]).await.code(), 401);
    let other = Kind::ForwardAuth.ask(&gateway, "GET", "/v1/x", &[("authorization", &token), again]).await;
    assert_eq!(other.code(), 200);
}
