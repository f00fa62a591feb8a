//! Who passes, and what the service learns.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use mfa_gateway_layer::{Caller, Clock, Grounds, MfaGateway, Predicate, Requirement};
use serde_json::json;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{NOW, answer, application, call, issuer, layer, tell, user, with, without};

#[tokio::test]
async fn a_user_with_mfa_and_an_application_pass_and_the_service_learns_who_called() {
    let layer = layer(Requirement::mfa());
    for _ in 0..2 {
        // The second time, the token is in the cache.
        assert_eq!(call(&layer, with(&user(&["pwd", "mfa"]))).await.body, "user-1 mfa");
        assert_eq!(call(&layer, with(&application())).await.body, "app-1 app_only");
    }
}

#[tokio::test]
async fn a_response_is_passed_on_as_it_is() {
    let service = service_fn(|_: Request<Full<Bytes>>| async {
        let response = Response::builder().status(418).header("x-own", "1").body(Full::from("own"));
        Ok::<_, Infallible>(response.unwrap())
    });
    let mut service = layer(Requirement::mfa()).layer(service);
    let answer = answer(&mut service, with(&user(&["mfa"]))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str(), answer.headers.len()), (418, "own", 1));
}

#[tokio::test]
async fn on_a_public_route_the_caller_is_nobody_even_with_a_token() {
    let layer = layer(Requirement::public());
    for request in [without(), with(&user(&["mfa"]))] {
        assert_eq!(call(&layer, request).await.body, "nobody public");
    }
}

#[tokio::test]
async fn no_caller_of_another_place_survives_a_layer() {
    let (gateway, _) = crate::support::gateway();
    let inner = gateway.layer(Requirement::public()).layer(service_fn(tell));
    let mut both = gateway.layer(Requirement::mfa()).layer(inner);
    assert_eq!(answer(&mut both, with(&user(&["mfa"]))).await.body, "nobody public");
}

#[tokio::test]
async fn a_caller_has_what_the_token_says_and_nothing_of_fields() {
    let issuer = issuer().claim("email").claim("groups").role("operator", Predicate::contains("groups", "operators"));
    let gateway = MfaGateway::for_tests(issuer, Clock::manual(NOW)).unwrap();
    let service = service_fn(|request: Request<Full<Bytes>>| async move {
        Ok::<_, Infallible>(request.extensions().get::<Caller>().cloned())
    });
    let service = service.map_response(|caller: Option<Caller>| {
        let mut response = Response::new(Full::<Bytes>::default());
        response.extensions_mut().insert(caller.unwrap());
        response
    });
    let mut request = with(&user(&["pwd", "mfa"]));
    request.headers_mut().insert("x-auth-request-user", "somebody-else".parse().unwrap());
    let response = gateway.layer(Requirement::mfa()).layer(service).oneshot(request).await.unwrap();
    let caller = response.extensions().get::<Caller>().unwrap();
    assert_eq!(caller.grounds(), &Grounds::Mfa);
    assert_eq!(
        (caller.user(), caller.subject(), caller.application()),
        (Some("user-1"), Some("user-1"), Some("app-1"))
    );
    assert_eq!((caller.tenant(), caller.issuer(), caller.is_app_only()), (Some("contoso"), Some("idp"), false));
    assert_eq!(
        (caller.methods(), caller.authenticated_at()),
        (&["pwd".to_owned(), "mfa".to_owned()][..], { Some(NOW.minus(std::time::Duration::from_secs(60))) })
    );
    assert_eq!(caller.roles().collect::<Vec<_>>(), ["operator"]);
    assert_eq!(caller.claim("email"), Some(&["user@example".to_owned()][..]));
    assert_eq!((caller.claim("groups").map(<[String]>::len), caller.claim("sub")), (Some(1), None));
}

#[tokio::test]
async fn who_asks_ahead_learns_whether_enforcement_would_find_mfa() {
    let reported = layer(Requirement::mfa().report());
    for (amr, compliant) in [("mfa", "true"), ("pwd", "false")] {
        let mut request = with(&user(&[amr]));
        request.headers_mut().insert("validatemfa", "true".parse().unwrap());
        let answer = call(&reported, request).await;
        assert_eq!((answer.status.as_u16(), answer.field("ismfacompliant")), (200, Some(compliant)));
    }
    let told = call(&reported, with(&user(&["pwd"]))).await;
    assert_eq!(told.field("mfa-report"), Some("would=deny, reason=mfa_missing"));
    assert_eq!((told.body.as_str(), told.field("ismfacompliant")), ("user-1 report_only", None));
    let mut request = with(&json!({"iss": "https://other.example/"}));
    request.headers_mut().insert("validatemfa", "true".parse().unwrap());
    assert_eq!(call(&reported, request).await.field("ismfacompliant"), None, "an invalid token never hears of MFA");
}

#[tokio::test]
async fn what_a_layer_wraps_is_cloned_and_any_body_passes() {
    let service = layer(Requirement::mfa()).layer(service_fn(|request: Request<u8>| async move {
        Ok::<_, Infallible>(Response::new(vec![*request.body()]))
    }));
    let token = with(&user(&["mfa"])).headers()["authorization"].clone();
    for number in 0..3 {
        let request = Request::get("/").header("authorization", &token).body(number).unwrap();
        let response = service.clone().ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.into_body(), [number]);
    }
}
