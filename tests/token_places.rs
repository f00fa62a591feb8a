//! A token at another place than `Authorization`, where the route says so: one place, and one credential.

use http::Method;

use crate::support::{Call, Gateway, Http2, raw};

const ROUTES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /usual/, upstream: api, token_from: authorization }
  - { prefix: /field/, upstream: api, token_from: { header: X-Api-Token } }
  - { prefix: /cookie/, upstream: api, token_from: { cookie: __Host-token } }
  - { prefix: /hidden/field/, upstream: api, token_from: { header: X-Api-Token }, authorization: remove }
  - { prefix: /hidden/cookie/, upstream: api, token_from: { cookie: __Host-token }, authorization: remove }
  - { prefix: /socket/, upstream: api, token_from: { subprotocol: bearer } }
";

/// The token at the place of each route.
fn placed(target: &str, token: &str) -> Vec<(&'static str, String)> {
    match target {
        "/field/x" => vec![("x-api-token", token.to_owned())],
        "/cookie/x" => vec![("cookie", format!("a=b; __Host-token={token}"))],
        "/socket/x" => vec![("sec-websocket-protocol", format!("bearer, {token}"))],
        _ => vec![("authorization", format!("Bearer {token}"))],
    }
}

fn call(target: &str, fields: &[(&'static str, String)]) -> Call {
    fields.iter().fold(Call::get(target), |call, (name, value)| call.header(name, value))
}

const PLACES: [&str; 4] = ["/usual/x", "/field/x", "/cookie/x", "/socket/x"];

#[tokio::test]
async fn s08_each_route_takes_the_token_from_its_own_place_alone() {
    let gateway = Gateway::with(ROUTES).await;
    let (jane, john) = (gateway.jane(), gateway.john());
    let http2 = Http2::connect(gateway.address()).await;
    for target in PLACES {
        let call_of = |token: &str| call(target, &placed(target, token));
        assert_eq!(gateway.send(&call_of(&jane)).await.code(), 200, "{target}");
        assert_eq!(http2.send(&call_of(&jane)).await.code(), 200, "{target}");
        assert_eq!(gateway.send(&call_of(&john)).await.refusal(), "mfa_missing", "{target}");
        let before = gateway.world.upstream.count();
        for other in PLACES.into_iter().filter(|other| *other != target) {
            let answer = gateway.send(&call(target, &placed(other, &jane))).await;
            assert_eq!((answer.code(), answer.refusal().as_str()), (401, "no_credential"), "{target} as in {other}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        assert_eq!(gateway.world.upstream.count(), before);
    }
    let answer = gateway.send(&Call::get("/field/x")).await;
    assert!(answer.json()["remedy"].as_str().unwrap().contains("x-api-token"), "{:?}", answer.body);
    let with_scheme = Call::get("/field/x").header("x-api-token", &format!("bearer {jane}"));
    assert_eq!(gateway.send(&with_scheme).await.code(), 200);
}

#[tokio::test]
async fn s08_two_credentials_are_refused_wherever_the_second_stands() {
    let gateway = Gateway::with(ROUTES).await;
    let jane = gateway.jane();
    let bearer = format!("Bearer {jane}");
    let (field, cookie) = (Call::get("/field/x").header("x-api-token", &jane), "__Host-token");
    let with_cookie = |value: &str| Call::get("/cookie/x").header("cookie", value);
    let socket = format!("bearer, {jane}");
    for (what, call) in [
        ("field and Authorization", field.clone().header("authorization", &bearer)),
        ("field and Basic", field.clone().header("authorization", "Basic YTpi")),
        ("two fields", field.clone().header("x-api-token", &jane)),
        ("a lookalike", field.clone().header("x_api_token", &jane)),
        ("the query", Call::get(&format!("/field/x?access_token={jane}")).header("x-api-token", &jane)),
        ("two cookies", with_cookie(&format!("{cookie}={jane}; {cookie}={jane}"))),
        ("two cookie fields", with_cookie(&format!("{cookie}={jane}")).header("cookie", &format!("{cookie}={jane}"))),
        ("cookies of other case", with_cookie(&format!("{cookie}={jane}; __HOST-TOKEN=x"))),
        ("cookie and Authorization", with_cookie(&format!("{cookie}={jane}")).header("authorization", &bearer)),
        ("subprotocol and Authorization", {
            Call::get("/socket/x").header("sec-websocket-protocol", &socket).header("authorization", &bearer)
        }),
        ("two subprotocols", {
            let twice = format!("{socket}, {socket}");
            Call::get("/socket/x").header("sec-websocket-protocol", &twice)
        }),
    ] {
        let answer = gateway.send(&call).await;
        assert_eq!((answer.code(), answer.refusal().as_str()), (400, "malformed_request"), "{what}");
    }
    for (what, call) in [
        ("quotes", with_cookie(&format!("{cookie}=\"{jane}\""))),
        ("nothing", with_cookie(&format!("{cookie}="))),
        ("two in one", Call::get("/field/x").header("x-api-token", &format!("{jane}, {jane}"))),
        ("no token behind the marker", Call::get("/socket/x").header("sec-websocket-protocol", "bearer")),
    ] {
        assert_eq!(gateway.send(&call).await.refusal(), "credential_malformed", "{what}");
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn the_upstream_gets_the_token_unless_the_route_removes_it() {
    let gateway = Gateway::with(ROUTES).await;
    let jane = gateway.jane();
    let field = |target: &str| Call::get(target).header("x-api-token", &jane);
    let cookies = format!("a=b; __Host-token={jane}; c=d");
    let cookie = |target: &str| Call::get(target).header("cookie", &cookies);
    for call in [field("/field/x"), field("/hidden/field/x"), cookie("/cookie/x"), cookie("/hidden/cookie/x")] {
        assert_eq!(gateway.send(&call).await.code(), 200);
    }
    let seen = gateway.world.upstream.seen();
    assert_eq!(seen[0].header("x-api-token"), Some(&*jane));
    assert_eq!(seen[1].header("x-api-token"), None);
    assert_eq!(seen[2].header("cookie"), Some(&*cookies));
    assert_eq!(seen[3].header("cookie"), Some("a=b; c=d"));
    assert!(seen.iter().all(|seen| seen.header("x-auth-request-user").is_some()));
    let socket = Call::get("/socket/x").header("sec-websocket-protocol", &format!("bearer, {jane}, chat"));
    assert_eq!(gateway.send(&socket).await.code(), 200);
    assert_eq!(gateway.world.upstream.seen()[4].header("sec-websocket-protocol"), Some("chat"));
}

#[tokio::test]
async fn a_cookie_changes_something_only_from_a_page_of_the_same_origin() {
    let gateway = Gateway::with(ROUTES).await;
    let own = format!("http://{}", gateway.address());
    let cookie = format!("__Host-token={}", gateway.jane());
    let sent = |method: Method, proofs: &[(&str, &str)]| {
        let call = Call::new(method, "/cookie/x").header("cookie", &cookie);
        proofs.iter().fold(call, |call, (name, value)| call.header(name, value))
    };
    let post = |proofs: &[(&str, &str)]| sent(Method::POST, proofs);
    let other_port = "http://127.0.0.1:1";
    for (proofs, code) in [
        (&[("origin", own.as_str())][..], 200),
        (&[("origin", &own), ("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("origin", &own), ("sec-fetch-site", "cross-site")], 403),
        (&[("origin", &own), ("origin", &own)], 403),
        (&[("origin", "null"), ("sec-fetch-site", "same-origin")], 403),
        (&[("origin", other_port), ("sec-fetch-site", "same-origin")], 403),
        (&[("origin", "https://evil.test")], 403),
        (&[("origin", "https://evil.test"), ("x-forwarded-host", "evil.test"), ("x-forwarded-proto", "https")], 403),
        (&[("referer", &own)], 403),
    ] {
        let answer = gateway.send(&post(proofs)).await;
        assert_eq!(answer.code(), code, "{proofs:?}");
        assert!(code == 200 || answer.refusal() == "cross_origin", "{proofs:?}");
    }
    for safe in [Method::GET, Method::OPTIONS] {
        assert_eq!(gateway.send(&sent(safe, &[("sec-fetch-site", "cross-site")])).await.code(), 200);
    }
    for unsafe_method in [Method::PUT, Method::DELETE, Method::from_bytes(b"MERGE").unwrap()] {
        assert_eq!(gateway.send(&sent(unsafe_method, &[])).await.code(), 403);
    }
}

#[tokio::test]
async fn a_websocket_by_cookie_needs_its_own_origin() {
    let gateway = Gateway::with(ROUTES).await;
    let cookie = format!("__Host-token={}", gateway.jane());
    let handshake = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Cookie", &*cookie),
    ];
    for (origin, code) in [(Some("http://gateway.test"), 200), (Some("http://evil.test"), 403), (None, 403)] {
        let fields = handshake.into_iter().chain(origin.map(|origin| ("Origin", origin))).collect::<Vec<_>>();
        let answer = raw::request(gateway.address(), "GET", "/cookie/x", &fields).await;
        assert_eq!(raw::status(&answer), code, "{origin:?}");
    }
}
