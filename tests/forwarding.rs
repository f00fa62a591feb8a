//! What is forwarded is what was judged: path, query, host and body, with nothing of the client's connection.

use mfa_gateway_core::clock::Clock;

use crate::support::gateway::{CONFIG, START};
use crate::support::{Call, Gateway, Http2, Recorder, World, raw};

/// A strict route inside a lax one, and lax ones inside a strict one.
const NESTED: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /, upstream: api, require: public }
  - { prefix: /admin/, upstream: api }
  - { path: /admin/healthz, upstream: api, require: public }
  - { prefix: /v1/caf%C3%A9/, upstream: api }
";

#[tokio::test]
async fn path_and_query_arrive_byte_for_byte() {
    let gateway = Gateway::start().await;
    let http2 = Http2::connect(gateway.address()).await;
    let jane = gateway.jane();
    for target in [
        "/v1/a",
        "/v1/a/",
        "/v1/a?",
        "/v1/a?b=c&b=d&&=",
        "/v1/A.b~c_d-e!$&'()*+,=:@",
        "/v1/caf%C3%A9",
        "/v1/caf%c3%a9",
        "/v1/%41%20b",
        "/v1/100%25",
        "/v1?x",
        "/v1/a?q=/../%2e%2e//%00;",
        "/v1/a?q=%zz%",
        "/v1/a?access_tokens=kept",
    ] {
        let before = gateway.world.upstream.count();
        let fields = [("Authorization", &*format!("Bearer {jane}"))];
        let answer = raw::request(gateway.address(), "GET", target, &fields).await;
        assert_eq!(raw::status(&answer), 200, "{target}: {answer}");
        assert_eq!(http2.send(&Call::get(target).bearer(&jane)).await.code(), 200, "{target}");
        for seen in &gateway.world.upstream.seen()[before..] {
            assert_eq!(seen.target, target);
        }
    }
}

#[tokio::test]
async fn s19_no_spelling_of_a_protected_path_gets_through_without_a_token() {
    let gateway = Gateway::with(NESTED).await;
    for target in [
        "/admin",
        "/admin/",
        "/admin/x",
        "/ADMIN/x",
        "/Admin/x",
        "/%61dmin/x",
        "/%61%64%6d%69%6e/x",
        "/%2561dmin/x",
        "//admin/x",
        "/./admin/x",
        "/x/../admin/x",
        "/x/..%2fadmin/x",
        "/x/%2e%2e/admin/x",
        "/x/..;/admin/x",
        "/;x/admin/x",
        "/admin;x/x",
        "/admin%3bx/x",
        "/\\admin/x",
        "/%5cadmin/x",
        "/%2fadmin/x",
        "/admin%2fx",
        "/admin./x",
        "/admin%20/x",
        "/%20admin/x",
        "/%20/admin/x",
        "/admin%00/x",
        "/admin%09/x",
        "/admin#/x",
        "/admin%23/x",
        "/admin%3f/x",
        "/%c0%afadmin/x",
        "/x/%c0%ae%c0%ae/admin/x",
        "/%ef%bd%81dmin/x",
        "/adm\u{131}n/x",
        "/admin/healthz/",
        "/admin/healthz/x",
        "/admin/HEALTHZ",
        "/admin/healthz%20",
        "/admin/healthz%2f",
        "/v1/caf%C3%A9/x",
        "/v1/caf%c3%a9/x",
        "/v1/c%61f%C3%A9/x",
        "/v1/CAF%C3%89/x",
        "/v1/caf%C3%A9%20/x",
        "http://gateway.test/admin/x",
        "http://gateway.test//admin/x",
        "HTTP://gateway.test/ADMIN/x",
    ] {
        let answer = raw::request(gateway.address(), "GET", target, &[]).await;
        assert!(matches!(raw::status(&answer), 400 | 401), "{target}: {answer}");
        let seen = gateway.world.upstream.seen();
        assert!(seen.is_empty(), "{target} arrived as {seen:?}");
    }
    for (target, arrived) in
        [("/open", "/open"), ("/admin/healthz", "/admin/healthz"), ("http://gateway.test/open?q", "/open?q")]
    {
        assert_eq!(raw::status(&raw::request(gateway.address(), "GET", target, &[]).await), 200, "{target}");
        assert_eq!(gateway.world.upstream.seen().last().unwrap().target, arrived);
    }
}

#[tokio::test]
async fn s19_no_header_changes_the_route() {
    let gateway = Gateway::with(NESTED).await;
    for name in [
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-path",
        "x-original-uri",
        "x-forwarded-prefix",
        "x-http-method-override",
    ] {
        let call = Call::get("/admin/x").header(name, "/open");
        assert_eq!(gateway.send(&call).await.code(), 401, "{name}");
        assert_eq!(gateway.send(&Call::get("/open").header(name, "/admin/x")).await.code(), 200, "{name}");
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!((seen.target.as_str(), seen.header(name)), ("/open", None), "{name}");
    }
}

#[tokio::test]
async fn s17_the_client_does_not_choose_the_upstream() {
    let elsewhere = Recorder::start().await;
    let gateway = Gateway::start().await;
    let bearer = format!("Bearer {}", gateway.jane());
    let host = elsewhere.url().replace("http://", "");
    let target = format!("{}/v1/x", elsewhere.url());
    for (target, host) in [("/v1/x", host.as_str()), (target.as_str(), host.as_str())] {
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {bearer}\r\n\r\n");
        assert_eq!(raw::status(&raw::exchange(gateway.address(), head.as_bytes()).await), 200);
        let seen = gateway.world.upstream.seen().pop().unwrap();
        assert_eq!((seen.target.as_str(), seen.header("host")), ("/v1/x", Some(host)));
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn a_request_comes_through_http2_on_both_sides_as_it_was() {
    let world = World::at(Clock::manual(START), Recorder::http2().await).await;
    let config = CONFIG.replace("name: api,", "name: api, protocol: http2,");
    let gateway = world.gateway(&config).await;
    let http2 = Http2::connect(gateway.address()).await;
    let call = Call::post("/v1/x?y", "hello").bearer(&gateway.jane()).header("x-one", "1").trailer("x-sum", "2");
    let answer = http2.send(&call).await;
    assert_eq!((answer.code(), &answer.body[..], answer.version), (200, &b"ok"[..], http::Version::HTTP_2));
    let seen = gateway.world.upstream.only();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), &seen.body[..]), ("POST", "/v1/x?y", &b"hello"[..]));
    assert_eq!(seen.header("x-one"), Some("1"));
    assert_eq!(seen.trailers.unwrap().get("x-sum").unwrap(), "2");
    assert_eq!(http2.send(&Call::get("/v1/x").bearer(&gateway.john())).await.code(), 401);
    assert_eq!(gateway.world.upstream.count(), 1);
}

#[tokio::test]
async fn trailers_carry_no_credentials_and_no_identity() {
    let world = World::at(Clock::manual(START), Recorder::http2().await).await;
    let gateway = world.gateway(&CONFIG.replace("name: api,", "name: api, protocol: http2,")).await;
    let http2 = Http2::connect(gateway.address()).await;
    let names = [
        "authorization",
        "cookie",
        "x-auth-request-user",
        "x_forwarded_for",
        "content_length",
        "expect",
        "host",
        "if-match",
        "range",
    ];
    let trailers = |call: Call| names.iter().fold(call, |call, name| call.trailer(name, "1")).trailer("x-sum", "2");
    assert_eq!(http2.send(&trailers(Call::post("/v1/x", "a"))).await.code(), 401, "a trailer is no credential");
    assert_eq!(http2.send(&trailers(Call::post("/v1/x", "a").bearer(&gateway.jane()))).await.code(), 200);
    let arrived = gateway.world.upstream.only().trailers.unwrap();
    assert_eq!(arrived.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
}

#[tokio::test]
async fn trailers_that_are_malformed_or_too_large_break_the_request_off() {
    let gateway = Gateway::start().await;
    let http2 = Http2::connect(gateway.address()).await;
    let jane = gateway.jane();
    let call = || Call::post("/v1/x", "a").bearer(&jane);
    let many = (0..101).fold(call(), |call, number| call.trailer(&format!("x-{number}"), "1"));
    for call in [call().trailer("x-sum", " 1"), call().trailer("x-sum", "1\t"), many] {
        assert_eq!(http2.send(&call).await.code(), 400);
    }
    let large = call().trailer("x-sum", &"1".repeat(9000));
    assert_eq!(http2.send(&large).await.code(), 400);
    assert_eq!(gateway.send(&large).await.code(), 400);
    assert!(gateway.world.upstream.seen().iter().all(|seen| &seen.body[..] == b"(broke off)"));
    assert_eq!(http2.send(&call().trailer("x-sum", "1")).await.code(), 200);
}

#[tokio::test]
async fn the_token_goes_on_or_stays_here_as_the_route_says() {
    let gateway = Gateway::with(&CONFIG.replace("prefix: /v1/,", "prefix: /v1/, authorization: remove,")).await;
    let jane = gateway.jane();
    assert_eq!(gateway.get("/v1/x", &jane).await.code(), 200);
    assert_eq!(gateway.get("/signed-in/x", &jane).await.code(), 200);
    let seen = gateway.world.upstream.seen();
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(seen[1].header("authorization"), Some(&*format!("Bearer {jane}")));
}

#[tokio::test]
async fn s25_hop_by_hop_fields_stay_here_and_cannot_take_others_along() {
    let gateway = Gateway::start().await;
    let jane = format!("Bearer {}", gateway.jane());
    let fields = [
        ("Authorization", jane.as_str()),
        ("Connection", "X-Hop, Authorization, Host, X-Auth-Request-User"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("X-End-To-End", "2"),
    ];
    assert_eq!(raw::status(&raw::request(gateway.address(), "GET", "/v1/x", &fields).await), 200);
    let seen = gateway.world.upstream.only();
    for name in ["connection", "x-hop", "keep-alive", "proxy-connection", "te"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("x-end-to-end"), Some("2"));
    assert!(seen.header("authorization").is_some() && seen.header("x-auth-request-user").is_some());
}

#[tokio::test]
async fn a_malformed_request_is_400_and_reaches_nobody() {
    let gateway = Gateway::start().await;
    let fields = format!("Host: a\r\nConnection: close\r\nAuthorization: Bearer {}\r\n", gateway.jane());
    for head in [
        "GET /v1/x HTTP/1.1\r\nHost: b\r\n{}\r\n",
        "GET /v1/x HTTP/1.1\n{}\r\n",
        "GET  /v1/x HTTP/1.1\r\n{}\r\n",
        "GET /v1/x#f HTTP/1.1\r\n{}\r\n",
        "GET /v1/x HTTP/1.1\r\n{} X: folded\r\n\r\n",
        "GET /v1/x HTTP/1.1\r\n{}X : y\r\n\r\n",
        "POST /v1/x HTTP/1.1\r\n{}Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST /v1/x HTTP/1.1\r\n{}Content-Length: +1\r\n\r\na",
        "POST /v1/x HTTP/1.1\r\n{}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/x HTTP/1.1\r\n{}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/x HTTP/1.1\r\n{}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /v1/x HTTP/1.0\r\n{}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\n{}\r\n",
        "TRACE /v1/x HTTP/1.1\r\n{}\r\n",
    ] {
        let request = head.replace("{}", &fields);
        let answer = raw::exchange(gateway.address(), request.as_bytes()).await;
        let status = raw::status(&answer);
        assert!(matches!(status, 400 | 405), "{head:?}: {answer}");
        assert_eq!(answer.lines().filter(|line| line.starts_with("HTTP/1.1 ")).count(), 1, "{head:?}: {answer}");
    }
    assert_eq!(gateway.world.upstream.count(), 0);
}
