//! Header fields that a route sets, adds and removes, and those that hold claims of the token.

use std::io::Write;

use http::{HeaderValue, Response};
use http_body_util::Full;
use mfa_gateway_core::clock::Clock;
use serde_json::json;

use crate::support::gateway::START;
use crate::support::{Call, Gateway, Http2, Recorder, World, raw};

const EDITED: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - prefix: /v1/
    upstream: api
    authorization: remove
    request_headers:
      remove: [X-Debug, Cookie]
      set: [{ name: X-Env, value: production }, { name: Authorization, value_file: \"${KEY}\" }]
      add: [{ name: X-Tag, value: gateway }]
    response_headers:
      remove: [Server, X-Powered-By]
      set: [{ name: Strict-Transport-Security, value: max-age=31536000 }]
      add: [{ name: Vary, value: X-Env }]
  - { prefix: /plain/, upstream: api }
";

#[tokio::test]
async fn a_route_changes_fields_in_both_directions() {
    let mut key = tempfile::NamedTempFile::new().unwrap();
    key.write_all(b"Basic c2VjcmV0OnNlY3JldA==\n").unwrap();
    let upstream = Recorder::answering(|_| {
        let mut response = Response::new(Full::from("ok"));
        for (name, value) in [
            ("server", "iis"),
            ("x-powered-by", "asp"),
            ("vary", "accept"),
            ("strict-transport-security", "max-age=0"),
            ("etag", "\"1\""),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    });
    let world = World::at(Clock::manual(START), upstream.await).await;
    let gateway = world.with("KEY", key.path().to_str().unwrap()).gateway(EDITED).await;
    let call = |target: &str| {
        let call = Call::get(target).bearer(&gateway.jane()).header("x-env", "evil").header("x_env", "evil");
        call.header("x-debug", "1").header("x.debug", "1").header("cookie", "a=b").header("x-tag", "client")
    };
    for answer in
        [gateway.send(&call("/v1/x")).await, Http2::connect(gateway.address()).await.send(&call("/v1/x")).await]
    {
        assert_eq!((answer.code(), answer.header("server"), answer.header("x-powered-by")), (200, None, None));
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(answer.headers.get_all("vary").iter().collect::<Vec<_>>(), ["accept", "X-Env"]);
        assert_eq!(answer.header("etag"), Some("\"1\""));
    }
    for seen in gateway.world.upstream.seen() {
        assert_eq!(seen.header("x-env"), Some("production"));
        assert_eq!(seen.header("authorization"), Some("Basic c2VjcmV0OnNlY3JldA=="));
        for gone in ["x_env", "x-debug", "x.debug", "cookie"] {
            assert_eq!(seen.header(gone), None, "{gone}");
        }
        assert_eq!(seen.headers.get_all("x-tag").iter().collect::<Vec<_>>(), ["client", "gateway"]);
        assert!(seen.header("x-auth-request-user").is_some());
    }
    assert_eq!(gateway.send(&call("/plain/x")).await.header("server"), Some("iis"));
    assert_eq!(gateway.world.upstream.seen()[2].header("x-debug"), Some("1"));
}

const TOLD: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - name: idp
    issuer: \"${ISSUER}\"
    audiences: [https://api.partnercenter.microsoft.com]
    claims_to_headers:
      - { claim: email, header: X-Mail }
      - { claim: [realm_access, roles], header: X-Roles }
      - { claim: level, header: X-Forwarded-User }
      - { claim: \"https://example.com/flag\", header: X-Flag }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /open/, upstream: api, require: public }
  - { prefix: /v1/, upstream: api }
";

#[tokio::test]
async fn claims_stand_in_the_chosen_fields() {
    let gateway = Gateway::with(TOLD).await;
    let told = |claims: &serde_json::Value| {
        gateway.changed(|own| claims.as_object().unwrap().iter().for_each(|(name, value)| own[name] = value.clone()))
    };
    let full = told(&json!({
        "email": "j\u{fc}rgen,x@example.com\r\nX-Evil: 1",
        "realm_access": { "roles": ["reader", "a,b", 7] },
        "level": 3,
        "https://example.com/flag": true,
    }));
    let odd = told(&json!({ "email": "", "realm_access": ["roles"], "level": null, "https://example.com/flag": {} }));
    for _ in 0..2 {
        assert_eq!(gateway.get("/v1/x", &full).await.code(), 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!(seen.header("x-mail"), Some("j%C3%BCrgen%2Cx@example.com%0D%0AX-Evil:%201"));
        assert_eq!(seen.header("x-roles"), Some("reader,a%2Cb,7"));
        assert_eq!((seen.header("x-forwarded-user"), seen.header("x-flag")), (Some("3"), Some("true")));
        assert_eq!(seen.header("x-evil"), None);
    }
    assert_eq!(gateway.get("/v1/x", &odd).await.code(), 200);
    let seen = gateway.world.upstream.seen().pop().unwrap();
    for name in ["x-mail", "x-roles", "x-forwarded-user", "x-flag"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn s24_no_client_sends_a_field_that_holds_a_claim() {
    let gateway = Gateway::with(TOLD).await;
    let jane = gateway.jane();
    let http2 = Http2::connect(gateway.address()).await;
    for name in
        ["x-roles", "X-ROLES", "x_roles", "x.roles", "xroles", "x--roles", "http_x_roles", "x-mail", "x_mail", "x_flag"]
    {
        for target in ["/open/x", "/v1/x"] {
            let call = Call::get(target).bearer(&jane).header(name, "admin");
            assert_eq!(gateway.send(&call).await.code(), 200);
            assert_eq!(http2.send(&call).await.code(), 200);
            let trailing = Call::post(target, "body").bearer(&jane).trailer(name, "admin");
            assert_eq!(gateway.send(&trailing).await.code(), 200);
            assert_eq!(http2.send(&trailing).await.code(), 200);
        }
    }
    let upload = format!(
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {jane}\r\nContent-Length: 4\r\n\r\nbody"
    );
    assert_eq!(raw::status(&raw::exchange(gateway.address(), upload.as_bytes()).await), 200);
    let last = gateway.world.upstream.seen().pop().unwrap();
    assert_eq!((last.header("content-length"), &*last.body), (Some("4"), &b"body"[..]), "its length stays known");
    for seen in gateway.world.upstream.seen() {
        let mut fields = seen.headers.iter().chain(seen.trailers.iter().flatten());
        assert!(fields.all(|(_, value)| value != "admin"), "{seen:?}");
    }
}
