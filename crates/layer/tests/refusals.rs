//! What those hear who don't pass.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use mfa_gateway_layer::{Clock, Dialect, MfaGateway, Refuse, Refused, Requirement};
use serde_json::json;

use crate::support::{
    Answer, ISSUER, NOW, SIGNER, Signer, application, call, gateway, issuer, layer, user, with, without,
};

#[tokio::test]
async fn a_refusal_has_the_gateways_form() {
    let layer = layer(Requirement::mfa());
    let answer = call(&layer, with(&user(&["pwd"]))).await;
    assert_eq!(answer.status.as_u16(), 401);
    assert_eq!(answer.field("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    assert_eq!(answer.field("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!((answer.member("code"), answer.member("reason")), (json!("900421"), json!("mfa_missing")));
    assert_eq!(answer.member("requestId"), answer.field("ms-requestid").unwrap());
    assert!(answer.field("ms-correlationid").is_some());
    let answer = call(&layer, without()).await;
    assert_eq!((answer.status.as_u16(), answer.field("www-authenticate")), (401, Some("Bearer")));
}

#[tokio::test]
async fn a_route_or_its_issuer_or_the_service_chooses_the_dialect() {
    let oauth = layer(Requirement::mfa().dialect(Dialect::Oauth));
    let answer = call(&oauth, with(&user(&["pwd"]))).await;
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    let challenge = answer.field("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer error="insufficient_user_authentication""#), "{challenge}");
    assert!(challenge.ends_with(r#"acr_values="mfa""#), "{challenge}");
    assert_eq!((answer.member("status"), answer.member("title")), (json!(401), json!("Unauthorized")));
}

#[tokio::test]
async fn two_credentials_are_none() {
    let layer = layer(Requirement::authenticated());
    let field = with(&user(&["mfa"])).headers()["authorization"].clone();
    let mut twice = with(&user(&["mfa"]));
    twice.headers_mut().append("authorization", field.clone());
    let mut joined = without();
    let text = field.to_str().unwrap();
    joined.headers_mut().insert("authorization", format!("{text}, {text}").parse().unwrap());
    for request in [twice, joined] {
        let answer = call(&layer, request).await;
        assert_eq!((answer.status.as_u16(), answer.member("reason")), (401, json!("credential_malformed")));
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_not_looked_at() {
    let token = SIGNER.token(&user(&["mfa"]));
    let uri = format!("/?access_token={token}");
    let request = Request::get(uri).body(Full::<Bytes>::default()).unwrap();
    assert_eq!(call(&layer(Requirement::mfa()), request).await.member("reason"), "no_credential");
}

#[tokio::test]
async fn an_expired_token_is_refused_from_the_cache_too() {
    let (gateway, clock) = gateway();
    let layer = gateway.layer(Requirement::authenticated());
    let request = || with(&user(&["mfa"]));
    let field = request().headers()["authorization"].clone();
    let same = || {
        let mut request = request();
        request.headers_mut().insert("authorization", field.clone());
        request
    };
    assert_eq!(call(&layer, same()).await.status.as_u16(), 200);
    clock.advance(std::time::Duration::from_secs(3600 + 61));
    let answer = call(&layer, same()).await;
    assert_eq!((answer.status.as_u16(), answer.member("reason")), (401, json!("token_expired")));
    assert!(answer.member("seen").is_null(), "nothing of the token is told");
}

#[tokio::test]
async fn a_foreign_signature_and_a_foreign_issuer_are_refused() {
    let layer = layer(Requirement::authenticated());
    let forged = Signer::es256("k").token(&user(&["mfa"]));
    let mut other = user(&["mfa"]);
    other["iss"] = json!("https://idp.example");
    for (token, reason) in [(forged, "signature_invalid"), (SIGNER.token(&other), "issuer_unknown")] {
        let mut request = without();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let answer = call(&layer, request).await;
        assert_eq!(answer.status.as_u16(), 401);
        assert!(!answer.body.contains(&token) && answer.member("reason") == reason, "{}", answer.body);
    }
}

/// Says the remedy, and tries to say more.
#[derive(Clone)]
struct Own;

impl Refuse<Full<Bytes>> for Own {
    fn refuse(&self, refused: &Refused<'_>) -> Response<Full<Bytes>> {
        let body = format!("{}: {}", refused.refusal().reason(), refused.request_id());
        let response = Response::builder().status(200).header("www-authenticate", "Basic").header("x-own", "1");
        response.body(body.into()).unwrap()
    }
}

#[tokio::test]
async fn a_services_own_bodies_come_with_the_same_fields() {
    let layer = layer(Requirement::mfa()).refusing(Own);
    let answer = call(&layer, with(&user(&["pwd"]))).await;
    assert_eq!(answer.body, format!("mfa_missing: {}", answer.field("ms-requestid").unwrap()));
    assert_eq!((answer.status.as_u16(), answer.field("x-own")), (401, Some("1")));
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, [r#"Bearer error="invalid_token""#]);
}

/// A gRPC call.
fn grpc(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    *request.method_mut() = Method::POST;
    request.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    request
}

#[tokio::test]
async fn a_grpc_call_is_refused_in_grpc_by_each_kind_of_layer() {
    let of_app_only = Requirement::mfa().deny_app_only();
    let by = |answer: &Answer, status: &str| {
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
        assert_eq!(answer.field("grpc-status"), Some(status));
        assert_eq!(answer.field("content-type"), Some("application/grpc"));
    };
    for (request, status) in [(without(), "16"), (with(&user(&["pwd"])), "16"), (with(&application()), "7")] {
        let layer = layer(of_app_only.clone());
        let (one, other) = (call(&layer, grpc(request.clone())).await, call(&layer.grpc(), grpc(request)).await);
        by(&one, status);
        by(&other, status);
        assert_eq!(one.field("www-authenticate").is_some(), status == "16");
        assert_eq!(one.field("www-authenticate"), other.field("www-authenticate"));
    }
    let answer = call(&layer(of_app_only).grpc(), without()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, ""), "no call");
}

#[tokio::test]
async fn a_request_id_of_the_client_is_kept_if_it_is_well_formed() {
    let layer = layer(Requirement::mfa());
    for (sent, kept) in [("a-1", true), ("a b", false), ("<script>", false)] {
        let mut request = without();
        request.headers_mut().insert("ms-requestid", sent.parse().unwrap());
        assert_eq!(call(&layer, request).await.field("ms-requestid") == Some(sent), kept, "{sent}");
    }
    let mut request = without();
    for id in ["a-1", "a-2"] {
        request.headers_mut().append("ms-requestid", id.parse().unwrap());
    }
    assert_eq!(call(&layer, request).await.headers.get_all("ms-requestid").iter().count(), 1);
}

#[tokio::test]
async fn a_challenge_says_where_the_resource_is_described_and_the_gateway_words_that() {
    const URL: &str = "https://api.example/.well-known/oauth-protected-resource";
    let builder = MfaGateway::builder().issuer(issuer()).clock(Clock::manual(NOW)).resource_metadata(URL);
    let gateway = builder.build_offline().unwrap();
    let refused = async |requirement: Requirement, request| {
        let answer = call(&gateway.layer(requirement), request).await;
        answer.field("www-authenticate").unwrap_or_default().to_owned()
    };
    let oauth = || Requirement::mfa().dialect(Dialect::Oauth);
    assert_eq!(refused(oauth(), without()).await, format!(r#"Bearer resource_metadata="{URL}""#));
    let challenge = refused(oauth(), with(&user(&["pwd"]))).await;
    assert!(challenge.ends_with(&format!(r#", acr_values="mfa", resource_metadata="{URL}""#)), "{challenge}");
    assert_eq!(refused(Requirement::mfa(), without()).await, "Bearer", "as Partner Center documents it");
    let mut metadata = gateway.resource_metadata("https://api.example");
    metadata.mfa_required = true;
    let document: serde_json::Value = serde_json::from_str(&metadata.to_json()).unwrap();
    let expected = json!({
        "resource": "https://api.example", "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"], "mfa_required": true, "acr_values_supported": ["mfa"],
    });
    assert_eq!(document, expected);
}
