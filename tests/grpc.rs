//! Refusals of gRPC calls: a status of gRPC, and the refusal in words.

use crate::support::{Answer, Call, Gateway, Http2};

const ROUTES: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams:
  - { name: api, endpoints: [\"${UPSTREAM}\"] }
  - { name: gone, endpoints: [\"http://127.0.0.1:1\"] }
rate_limits: [{ name: one, requests: 1, per: 1h, key: user }]
routes:
  - { prefix: /a.Service/, upstream: api, cors: { origins: [https://app.example] } }
  - { prefix: /few.Service/, upstream: api, rate_limit: one }
  - { prefix: /gone.Service/, upstream: gone }
  - { prefix: /users.Service/, upstream: api, app_only: deny, dialect: oauth }
";

fn call(target: &str) -> Call {
    Call::post(target, "\0\0\0\0\0").header("content-type", "application/grpc+proto").header("te", "trailers")
}

fn assert_refused(answer: &Answer, status: &str, reason: &str) {
    assert_eq!((answer.code(), answer.header("grpc-status")), (200, Some(status)), "{reason}: {:?}", answer.headers);
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    let message = answer.header("grpc-message").unwrap();
    assert!(message.ends_with(&format!("({reason})")), "{message}");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_refusal_is_a_status_of_grpc() {
    let gateway = Gateway::with(ROUTES).await;
    let http2 = Http2::connect(gateway.address()).await;
    let (jane, john, daemon) = (gateway.jane(), gateway.john(), gateway.world.provider.app_token());
    let refused = http2.send(&call("/a.Service/Get")).await;
    assert_refused(&refused, "16", "no_credential");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    let refused = http2.send(&call("/a.Service/Get").bearer(&john)).await;
    assert_refused(&refused, "16", "mfa_missing");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    assert!(refused.header("ms-requestid").is_some());
    assert_refused(&http2.send(&call("/users.Service/Get").bearer(&daemon)).await, "7", "app_only_forbidden");
    assert_refused(&http2.send(&call("/b.Service/Get").bearer(&jane)).await, "12", "no_route");
    assert_refused(&http2.send(&call("/gone.Service/Get").bearer(&jane)).await, "14", "upstream_failed");
    assert_eq!(http2.send(&call("/few.Service/Get").bearer(&jane)).await.header("grpc-status"), None);
    let refused = http2.send(&call("/few.Service/Get").bearer(&jane)).await;
    assert_refused(&refused, "8", "rate_limited");
    assert!(refused.header("retry-after").is_some());
    assert_refused(&gateway.send(&call("/a.Service/Get")).await, "16", "no_credential");
    let of_page = http2.send(&call("/a.Service/Get").header("origin", "https://app.example")).await;
    let exposed: Vec<_> = of_page.headers.get_all("access-control-expose-headers").iter().collect();
    assert!(exposed.iter().any(|value| *value == "grpc-status, grpc-message"), "{exposed:?}");
    // What logs and metrics show is the decision.
    let metric = r#"mfa_gateway_requests_total{route="/a.Service/",credential="bearer",result="refused",reason="mfa_missing",class="app_user",status="4xx",responder="gateway"}"#;
    assert!((gateway.metric(metric).await - 1.0).abs() < 0.1);
    // Other requests are refused as ever.
    assert_eq!(
        http2.send(&Call::post("/a.Service/Get", "{}").header("content-type", "application/json")).await.code(),
        401
    );
}
