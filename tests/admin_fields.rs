//! What every response of the admin listener has, and in which form it comes.

use http::Method;

use crate::admin::with_token_file;
use crate::support::Call;

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
