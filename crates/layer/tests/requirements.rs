//! Each part of a requirement, and what waives MFA.

use std::time::Duration;

use http::Request;
use mfa_gateway_layer::{Clock, Exception, MfaGateway, Mode, Predicate, Requirement, Stage};
use serde_json::{Value, json};

use crate::support::{NOW, application, call, issuer, layer, user, with};

const HOUR: Duration = Duration::from_secs(3600);

/// The reason of the refusal, or the grounds of the permit.
async fn outcome(requirement: Requirement, claims: &Value) -> String {
    let answer = call(&layer(requirement), with(claims)).await;
    match answer.status.as_u16() {
        200 => answer.body.rsplit(' ').next().unwrap().to_owned(),
        status => format!("{status} {}", answer.member("reason").as_str().unwrap()),
    }
}

#[tokio::test]
async fn each_part_of_a_requirement_counts() {
    let (mfa, pwd) = (user(&["mfa"]), user(&["pwd"]));
    for (requirement, claims, expected) in [
        (Requirement::authenticated(), &pwd, "authenticated"),
        (Requirement::mfa(), &pwd, "401 mfa_missing"),
        (Requirement::mfa().max_age(Duration::from_secs(60)), &mfa, "mfa"),
        (Requirement::mfa().max_age(Duration::from_secs(59)), &mfa, "401 authentication_stale"),
        (Requirement::mfa().deny_app_only(), &application(), "403 app_only_forbidden"),
        (Requirement::mfa().deny_app_only_of(["APP-1"]), &application(), "403 vendor_app_only"),
        (Requirement::mfa().tenants(["CONTOSO"]), &mfa, "mfa"),
        (Requirement::mfa().tenants(["fabrikam"]), &mfa, "403 tenant_mismatch"),
        (Requirement::mfa().roles(["operator"]), &mfa, "403 role_missing"),
        (Requirement::mfa().roles(["operator"]).report(), &mfa, "403 role_missing"),
        (Requirement::mfa().report(), &pwd, "report_only"),
        (Requirement::mfa().activation(Mode::Off), &pwd, "off"),
    ] {
        assert_eq!(outcome(requirement.clone(), claims).await, expected, "{requirement:?}");
    }
}

#[tokio::test]
async fn a_role_comes_from_a_claim() {
    let issuer = issuer().role("operator", Predicate::contains("groups", "operators"));
    let gateway = MfaGateway::for_tests(issuer, Clock::manual(NOW)).unwrap();
    let layer = gateway.layer(Requirement::authenticated().roles(["operator"]));
    assert_eq!(call(&layer, with(&user(&[]))).await.status.as_u16(), 200);
    let mut other = user(&[]);
    other["groups"] = json!("operators");
    assert_eq!(call(&layer, with(&other)).await.status.as_u16(), 403, "another JSON type gives no role");
}

#[tokio::test]
async fn an_exception_waives_mfa_until_it_expires_and_a_stage_only_reports() {
    let exception = Exception::until("EX-1", NOW.plus(HOUR / 2)).of_user("user-1").on_routes(["/reports"]);
    let stage = Stage {
        issuer: None,
        tenant: Some("fabrikam".to_owned()),
        application: None,
        activation: { Mode::Report.into() },
    };
    let clock = Clock::manual(NOW);
    let builder = MfaGateway::builder().issuer(issuer()).clock(clock.clone()).exception(exception).stage(stage);
    let gateway = builder.build_offline().unwrap();
    let (reports, other) = (Requirement::mfa().named("/reports"), Requirement::mfa());
    let status = async |requirement: &Requirement, request: Request<_>| {
        call(&gateway.layer(requirement.clone()), request).await.status.as_u16()
    };
    assert_eq!(status(&reports, with(&user(&["pwd"]))).await, 200);
    assert_eq!(status(&other, with(&user(&["pwd"]))).await, 401, "it is for one route");
    clock.advance(HOUR / 2);
    assert_eq!(status(&reports, with(&user(&["pwd"]))).await, 401, "it has expired");
    let mut fabrikam = user(&["pwd"]);
    fabrikam["tid"] = json!("fabrikam");
    assert_eq!(status(&other, with(&fabrikam)).await, 200, "the stage is for the tenant");
}
