//! One credential, in one `Authorization` field (SECURITY 8).

use crate::support::gateway::assert_invalid;
use crate::support::{Call, Gateway, Http2, raw};

/// Asserts that the request got nowhere for lack of a credential.
async fn assert_none(gateway: &Gateway, what: &str, call: Call) {
    let answer = gateway.send(&call).await;
    assert_eq!((answer.code(), answer.refusal().as_str()), (401, "no_credential"), "{what}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
    assert_eq!(gateway.world.upstream.count(), 0, "{what}: the upstream was reached");
}

#[tokio::test]
async fn a_token_anywhere_else_is_no_credential() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    let form = format!("access_token={token}");
    let bearer = format!("Bearer {token}");
    for (what, call) in [
        ("nothing", Call::get("/v1/customers")),
        ("the query", Call::get(&format!("/v1/customers?access_token={token}"))),
        ("a form", Call::post("/v1/customers", &form).header("content-type", "application/x-www-form-urlencoded")),
        (
            "a cookie",
            Call::get("/v1/customers").header("cookie", &format!("access_token={token}; Authorization={token}")),
        ),
        ("Proxy-Authorization", Call::get("/v1/customers").header("proxy-authorization", &bearer)),
        ("X-Authorization", Call::get("/v1/customers").header("x-authorization", &bearer)),
        ("X-Forwarded-Authorization", Call::get("/v1/customers").header("x-forwarded-authorization", &bearer)),
        ("Authorization_", Call::get("/v1/customers").header("authorization_", &bearer)),
        ("X-Access-Token", Call::get("/v1/customers").header("x-access-token", &token)),
        ("a trailer", Call::post("/v1/customers", "body").trailer("authorization", &bearer)),
        ("another scheme", Call::get("/v1/customers").header("authorization", &format!("Token {token}"))),
        ("no scheme", Call::get("/v1/customers").header("authorization", &token)),
        ("a longer scheme", Call::get("/v1/customers").header("authorization", &format!("Bearers {token}"))),
    ] {
        assert_none(&gateway, what, call).await;
    }
}

#[tokio::test]
async fn the_scheme_is_in_any_letter_case() {
    let gateway = Gateway::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let call = Call::get("/v1/customers").header("authorization", &format!("{scheme} {}", gateway.jane()));
        assert_eq!(gateway.send(&call).await.code(), 200, "{scheme}");
    }
}

#[tokio::test]
async fn nothing_stands_around_the_token() {
    let gateway = Gateway::start().await;
    let token = gateway.jane();
    for value in [
        "Bearer".to_owned(),
        format!("Bearer  {token}"),
        format!("Bearer {token} x"),
        format!("Bearer {token},"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token};"),
        format!("Bearer {token} {token}"),
    ] {
        let answer = gateway.send(&Call::get("/v1/customers").header("authorization", &value)).await;
        assert_invalid(&value, &answer, "credential_malformed");
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn two_authorization_fields_are_refused_whatever_they_hold() {
    let gateway = Gateway::start().await;
    let (jane, john) = (format!("Bearer {}", gateway.jane()), format!("Bearer {}", gateway.john()));
    let http2 = Http2::connect(gateway.address()).await;
    for (first, second) in
        [(&jane, &jane), (&jane, &john), (&john, &jane), (&jane, &"Basic YTpi".to_owned()), (&jane, &String::new())]
    {
        let call = Call::get("/v1/customers").header("authorization", first).header("authorization", second);
        assert_eq!(gateway.send(&call).await.code(), 400);
        assert_eq!(http2.send(&call).await.code(), 400);
        let fields = [("Authorization", first.as_str()), ("AUTHORIZATION", second.as_str())];
        assert_eq!(raw::status(&raw::request(gateway.address(), "GET", "/v1/customers", &fields).await), 400);
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn a_token_in_the_query_beside_the_field_is_refused() {
    let gateway = Gateway::start().await;
    for target in ["/v1/x?access_token=x", "/v1/x?a=b&access_token", "/v1/x?%61ccess_token=x"] {
        assert_eq!(gateway.get(target, &gateway.jane()).await.code(), 400, "{target}");
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}

#[tokio::test]
async fn a_public_route_looks_at_no_token() {
    let gateway = Gateway::start().await;
    for token in ["", "garbage", "a.b.c", &gateway.john()] {
        assert_eq!(gateway.get("/healthz", token).await.code(), 200);
    }
    for seen in gateway.world.upstream.seen() {
        assert_eq!(seen.header("x-auth-request-class"), None);
    }
}

#[tokio::test]
async fn an_identity_or_a_token_in_the_trailers_stops_here() {
    let gateway = Gateway::start().await;
    let call = Call::post("/v1/customers", "body")
        .bearer(&gateway.jane())
        .trailer("authorization", "Bearer spoofed")
        .trailer("x-auth-request-user", "spoofed")
        .trailer("x_forwarded_for", "spoofed")
        .trailer("x-checksum", "kept");
    assert_eq!(gateway.send(&call).await.code(), 200);
    let seen = gateway.world.upstream.only();
    assert_eq!(seen.body, "body");
    let trailers = seen.trailers.unwrap_or_default();
    assert_eq!(trailers.get("x-checksum").map(http::HeaderValue::as_bytes), Some(&b"kept"[..]));
    assert_eq!(trailers.len(), 1, "{trailers:?}");
}
