//! What every response of the admin listener has, and in which form it comes.

use http::Method;

use crate::admin::with_token_file;
use crate::support::{CONFIG, Call, Gateway, raw};

#[tokio::test]
async fn every_response_has_the_fields_that_keep_it_where_it_is() {
    let (gateway, _file) = with_token_file("").await;
    let calls = [
        (Call::get("/livez"), 200),
        (Call::get("/"), 200),
        (Call::get("/config"), 401),
        (Call::get("/nothing"), 404),
        (Call::new(Method::DELETE, "/config"), 405),
        (Call::get("/livez").header("expect", "the-impossible"), 417),
    ];
    for (call, code) in calls {
        let answer = gateway.admin_send(&call).await;
        assert_eq!(answer.code(), code);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{code}: {name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{code}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), code == 401, "{code}");
    }
}

#[tokio::test]
async fn what_is_large_is_compressed_for_those_who_ask_but_not_what_was_posted() {
    let (gateway, _file) = with_token_file("").await;
    let token = "an-operators-token-of-the-file-0123456789";
    let gzip = |call: Call| call.header("accept-encoding", "br, gzip");
    for path in ["/metrics", "/openapi.json", "/explain.js"] {
        let plain = gateway.admin(path).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")), "{path}");
        let small = gateway.admin_send(&gzip(Call::get(path))).await;
        assert_eq!((small.header("content-encoding"), small.header("vary")), (Some("gzip"), Some("accept-encoding")));
        assert_eq!(small.header("content-type"), plain.header("content-type"), "{path}");
        assert!(small.body.starts_with(&[0x1f, 0x8b]) && small.body.len() * 2 < plain.body.len(), "{path}");
    }
    let alive = gateway.admin_send(&gzip(Call::get("/livez"))).await;
    assert_eq!(alive.header("content-encoding"), None);
    let question = Call::post("/explain", r#"{"path": "/v1/x"}"#).bearer(token);
    let explained = gateway.admin_send(&gzip(question).header("content-type", "application/json")).await;
    assert_eq!((explained.code(), explained.header("content-encoding")), (200, None));
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let (gateway, _file) = with_token_file("").await;
    for path in ["/livez", "/openapi.json"] {
        let got = gateway.admin(path).await;
        let head = gateway.admin_send(&Call::new(Method::HEAD, path)).await;
        assert_eq!((head.code(), head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(got.body.len().to_string().as_str()), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn a_probe_over_http1_0_without_a_host_gets_health_alone() {
    let gateway = Gateway::start().await;
    let address = gateway.admin_address();
    for (method, path, code) in [
        ("GET", "/livez", 200),
        ("HEAD", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/readyz?x", 200),
        ("GET", "/ready", 200),
        ("GET", "/ping", 200),
        ("GET", "/metrics", 400),
        ("GET", "/config", 400),
        ("GET", "/", 400),
    ] {
        let answer = raw::exchange(address, format!("{method} {path} HTTP/1.0\r\n\r\n").as_bytes()).await;
        assert_eq!(raw::status(&answer), code, "{method} {path}: {answer}");
    }
    let without = b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(raw::status(&raw::exchange(address, without).await), 400, "HTTP/1.1 has one");
    let traffic = raw::exchange(gateway.address(), b"GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!((raw::status(&traffic), gateway.world.upstream.count()), (400, 0));
}

#[tokio::test]
async fn a_page_whose_name_was_rebound_reads_nothing() {
    let gateway = Gateway::with(
        &CONFIG.replace("admin: { address: 127.0.0.1:0 }", "admin: { address: 127.0.0.1:0, hosts: [Admin.Internal] }"),
    )
    .await;
    for (host, code) in [
        ("evil.example", 421),
        ("evil.example:9090", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("gateway:9090", 200),
        ("localhost", 200),
        ("127.0.0.1:9090", 200),
        ("[::1]:9090", 200),
        ("admin.internal:9090", 200),
        ("ADMIN.internal", 200),
    ] {
        let answer = gateway.admin_send(&Call::get("/metrics").header("host", host)).await;
        assert_eq!(answer.code(), code, "{host}");
        let ready = gateway.admin_send(&Call::get("/readyz").header("host", host)).await;
        assert_eq!((ready.code(), ready.json().get("issuers").is_some()), (200, code == 200), "{host}");
        let alive = gateway.admin_send(&Call::get("/livez").header("host", host)).await;
        assert_eq!(alive.code(), 200, "{host}");
    }
}
