//! Pages of other origins (CORS): what they may do, and that they can read why they may not.

use http::{HeaderValue, Method, Response};
use http_body_util::Full;
use mfa_gateway_core::clock::Clock;

use crate::support::gateway::START;
use crate::support::{Answer, Call, Gateway, Http2, Recorder, World};

const ROUTES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
rate_limits: [{ name: one, requests: 1, per: 1h, key: user }]
routes:
  - { prefix: /plain/, upstream: api }
  - { prefix: /open/, upstream: api, require: public }
  - prefix: /v1/
    upstream: api
    cors: { origins: [https://app.example, \"http://localhost:3000\"], credentials: true, expose: [X-Total], max_age: 10m }
  - { prefix: /any/, upstream: api, cors: { origins: [\"*\"], headers: [\"*\"], private_network: true } }
  - { prefix: /sandboxed/, upstream: api, cors: { origins: [\"null\"] } }
  - { prefix: /read/, upstream: api, methods: [GET], cors: { origins: [https://app.example] } }
  - { prefix: /read/, upstream: api, methods: [POST, OPTIONS] }
  - { prefix: /few/, upstream: api, rate_limit: one, cors: { origins: [https://app.example] } }
  - { prefix: /sent/, upstream: api, token_from: { header: X-Api-Token }, cors: { origins: [https://app.example] } }
";

const PAGE: &str = "https://app.example";

fn preflight(target: &str, origin: &str, method: &str) -> Call {
    let call = Call::new(Method::OPTIONS, target).header("origin", origin);
    call.header("access-control-request-method", method)
}

fn granted(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_without_the_upstream() {
    let gateway = Gateway::with(ROUTES).await;
    let http2 = Http2::connect(gateway.address()).await;
    let call = preflight("/v1/customers", PAGE, "PATCH").header("access-control-request-headers", "authorization");
    for answer in [gateway.send(&call).await, http2.send(&call).await] {
        assert_eq!((answer.code(), granted(&answer)), (204, Some(PAGE)));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("Authorization, Content-Type"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        assert!(answer.header("vary").unwrap().starts_with("Origin, "));
        assert!(answer.body.is_empty() && answer.header("ms-requestid").is_some());
    }
    assert_eq!(gateway.world.upstream.count(), 0);
    let counted = r#"mfa_gateway_requests_total{route="/v1/",credential="bearer",result="responded",reason="preflight",class="none",status="2xx",responder="gateway"}"#;
    assert!((gateway.metric(counted).await - 2.0).abs() < 0.1);
    let of_field = gateway.send(&preflight("/sent/x", PAGE, "GET")).await;
    assert_eq!(of_field.header("access-control-allow-headers"), Some("x-api-token, Content-Type"));
}

#[tokio::test]
async fn origins_are_compared_exactly() {
    let gateway = Gateway::with(ROUTES).await;
    for other in [
        "https://app.example.",
        "https://app.example:443",
        "http://app.example",
        "https://APP.example",
        "https://app.example.evil.test",
        "https://evil.test/https://app.example",
        "null",
        "*",
        "",
    ] {
        let answer = gateway.send(&preflight("/v1/x", other, "GET")).await;
        assert_eq!((answer.code(), granted(&answer)), (204, None), "{other}");
        assert_eq!(answer.header("access-control-allow-methods"), None, "{other}");
        let answer = gateway.send(&Call::get("/v1/x").bearer(&gateway.jane()).header("origin", other)).await;
        assert_eq!((answer.code(), granted(&answer), answer.header("vary")), (200, None, Some("Origin")), "{other}");
    }
    assert_eq!(granted(&gateway.send(&preflight("/sandboxed/x", "null", "GET")).await), Some("null"));
    let twice = Call::get("/v1/x").bearer(&gateway.jane()).header("origin", PAGE).header("origin", PAGE);
    assert_eq!(granted(&gateway.send(&twice).await), None);
}

#[tokio::test]
async fn only_a_real_preflight_of_a_route_for_pages_needs_no_token() {
    let gateway = Gateway::with(ROUTES).await;
    let without_method = Call::new(Method::OPTIONS, "/v1/x").header("origin", PAGE);
    let without_origin = Call::new(Method::OPTIONS, "/v1/x").header("access-control-request-method", "GET");
    let two_methods = preflight("/v1/x", PAGE, "GET").header("access-control-request-method", "GET");
    let odd_method = preflight("/v1/x", PAGE, "G T");
    for call in [without_method, without_origin, two_methods, odd_method, preflight("/plain/x", PAGE, "GET")] {
        assert_eq!(gateway.send(&call).await.code(), 401, "{call:?}");
    }
    assert_eq!(gateway.send(&preflight("/nowhere", PAGE, "GET")).await.code(), 404);
    // The route of the method that would be asked decides: POST has none for pages, and OPTIONS needs a token there.
    assert_eq!(granted(&gateway.send(&preflight("/read/x", PAGE, "GET")).await), Some(PAGE));
    assert_eq!(gateway.send(&preflight("/read/x", PAGE, "POST")).await.code(), 401);
    assert_eq!(gateway.world.upstream.count(), 0);
    // A route without the rule is the upstream's, as ever.
    assert_eq!(gateway.send(&preflight("/open/x", PAGE, "GET")).await.code(), 200);
    assert_eq!(gateway.world.upstream.only().method, Method::OPTIONS);
    // A preflight has no body.
    let upload = Call::post("/v1/x", "body").header("origin", PAGE).header("access-control-request-method", "GET");
    assert_eq!(gateway.send(&upload).await.code(), 401);
}

#[tokio::test]
async fn a_page_can_read_why_it_was_refused() {
    let gateway = Gateway::with(ROUTES).await;
    let (jane, john) = (gateway.jane(), gateway.john());
    let assert_readable = |what: &str, answer: &Answer, code: u16| {
        assert_eq!((answer.code(), granted(answer)), (code, Some(PAGE)), "{what}");
        assert_eq!(answer.header("vary"), Some("Origin"), "{what}");
        assert!(answer.header("access-control-expose-headers").unwrap().starts_with("WWW-Authenticate, Retry-After"));
    };
    let call = |target: &str| Call::get(target).header("origin", PAGE);
    assert_readable("no token", &gateway.send(&call("/v1/x")).await, 401);
    assert_readable("no MFA", &gateway.send(&call("/v1/x").bearer(&john)).await, 401);
    assert_readable("HTTP/2", &Http2::connect(gateway.address()).await.send(&call("/v1/x")).await, 401);
    assert_eq!(gateway.send(&call("/few/x").bearer(&jane)).await.code(), 200);
    assert_readable("too often", &gateway.send(&call("/few/x").bearer(&jane)).await, 429);
    let put = Call::new(Method::PUT, "/read/x").header("origin", PAGE);
    assert_readable("another method", &gateway.send(&put).await, 405);
    let two = call("/v1/x").bearer(&jane).header("authorization", "Bearer x");
    assert_readable("before the route is known", &gateway.send(&two).await, 400);
    let other = gateway.send(&call("/plain/x")).await;
    assert_eq!((other.code(), granted(&other), other.header("vary")), (401, None, None));
}

#[tokio::test]
async fn the_gateways_fields_replace_the_upstreams() {
    let upstream = Recorder::answering(|_| {
        let mut response = Response::new(Full::from("ok"));
        let fields = response.headers_mut();
        for (name, value) in [
            ("access-control-allow-origin", "https://evil.test"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "x-secret"),
            ("access-control-max-age", "1"),
            ("vary", "Accept-Encoding"),
        ] {
            fields.append(name, HeaderValue::from_static(value));
        }
        response
    });
    let gateway = World::at(Clock::manual(START), upstream.await).await.gateway(ROUTES).await;
    let jane = gateway.jane();
    let answer = gateway.send(&Call::get("/v1/x").bearer(&jane).header("origin", PAGE)).await;
    assert_eq!((answer.code(), granted(&answer)), (200, Some(PAGE)));
    let exposed = "WWW-Authenticate, Retry-After, MS-RequestId, MS-CorrelationId, X-Total";
    assert_eq!(answer.header("access-control-expose-headers"), Some(exposed));
    assert_eq!(answer.header("access-control-max-age"), None);
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept-Encoding", "Origin"]);
    let answer = gateway.send(&Call::get("/any/x").bearer(&jane).header("origin", "https://evil.test")).await;
    assert_eq!((granted(&answer), answer.header("access-control-allow-credentials")), (Some("*"), None));
    let answer = gateway.send(&Call::get("/plain/x").bearer(&jane).header("origin", PAGE)).await;
    assert_eq!(granted(&answer), Some("https://evil.test"), "the upstream's own");
}

#[tokio::test]
async fn a_route_for_all_fields_repeats_names_alone() {
    let gateway = Gateway::with(ROUTES).await;
    for (asked, allowed) in
        [("x-one, X-Two", Some("x-one, x-two")), ("", None), ("x-one, a b", None), ("x-one;q=1", None)]
    {
        let call = preflight("/any/x", "https://a.test", "GET").header("access-control-request-headers", asked);
        let answer = gateway.send(&call.header("access-control-request-private-network", "true")).await;
        assert_eq!(answer.header("access-control-allow-headers"), allowed, "{asked}");
        assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    }
    let call = preflight("/v1/x", PAGE, "GET").header("access-control-request-private-network", "true");
    assert_eq!(gateway.send(&call).await.header("access-control-allow-private-network"), None);
}
