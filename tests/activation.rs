//! Staged activation on real requests: whom a mode refuses, and what everybody is told before the day.

use std::time::Duration;

use mfa_gateway_demo::people::{CONTOSO, PUBLIC_CLIENT_ID};
use serde_json::json;

use crate::support::gateway::START;
use crate::support::{Call, Gateway, World};

/// One route, `${ROUTE}` with its mode, and `${STAGES}` for some callers.
const STAGED: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
issuers:
  - { name: idp, issuer: \"${ISSUER}\", audiences: [https://api.partnercenter.microsoft.com] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes:
  - { prefix: /signed-in/, upstream: api, require: authenticated }
  - prefix: /v1/
    upstream: api
    ";

fn staged(route: &str, stages: &str) -> String {
    format!("{STAGED}{route}\nactivation: [{stages}]\n")
}

async fn start(route: &str, stages: &str) -> Gateway {
    World::new().await.gateway(&staged(route, stages)).await
}

/// The status for a user without MFA of this application, and what the answer says of enforcement.
async fn without_mfa(gateway: &Gateway, application: &str) -> (u16, Option<String>) {
    let token = gateway.changed(|claims| {
        claims["amr"] = json!(["pwd"]);
        claims["appid"] = json!(application);
    });
    let answer = gateway.get("/v1/customers", &token).await;
    (answer.code(), answer.header("mfa-report").map(str::to_owned))
}

#[tokio::test]
async fn a_percentage_refuses_the_same_applications_every_time_and_a_higher_one_more() {
    let gateway = start("percentage: 0", "").await;
    let applications: Vec<String> = (0..60).map(|at| format!("app-{at}")).collect();
    let mut refused_before = Vec::new();
    for percentage in [0, 10, 50, 100] {
        gateway.reload(&staged(&format!("percentage: {percentage}"), ""));
        let mut refused = Vec::new();
        for application in &applications {
            let (status, report) = without_mfa(&gateway, application).await;
            assert_eq!(without_mfa(&gateway, application).await.0, status, "{application} at {percentage} %");
            match status {
                401 => refused.push(application.clone()),
                200 => assert_eq!(report.as_deref(), Some("would=deny, reason=mfa_missing")),
                other => panic!("{other}"),
            }
        }
        assert!(refused_before.iter().all(|one| refused.contains(one)), "{percentage} %");
        assert!(refused.len() * 100 <= applications.len() * (percentage + 25), "{percentage} %: {}", refused.len());
        refused_before = refused;
    }
    assert_eq!(refused_before, applications);
}

#[tokio::test]
async fn enforcement_begins_at_its_date_without_a_reload() {
    let from = START.plus(Duration::from_secs(60));
    let gateway = start(&format!("enforce_from: \"{from}\""), "").await;
    let reported = Some("would=deny, reason=mfa_missing".to_owned());
    assert_eq!(without_mfa(&gateway, "app-1").await, (200, reported));
    gateway.world.clock.advance(Duration::from_secs(60));
    assert_eq!(without_mfa(&gateway, "app-1").await, (401, None));
}

#[tokio::test]
async fn the_first_stage_that_is_for_a_caller_holds() {
    let stages = format!(
        "{{ application: APP-1, mode: enforce }}, {{ tenant: {CONTOSO}, mode: \"off\" }}, {{ issuer: idp, mode: report }}"
    );
    let gateway = start("mode: enforce", &stages).await;
    assert_eq!(without_mfa(&gateway, "app-1").await, (401, None));
    assert_eq!(without_mfa(&gateway, "app-2").await, (200, None));
    assert_eq!(gateway.world.upstream.seen().last().unwrap().header("x-auth-request-grounds"), Some("off"));
    let elsewhere = gateway.changed(|claims| {
        claims["amr"] = json!([]);
        claims["tid"] = json!("aaaaaaaa-0000-4000-8000-000000000001");
    });
    let answer = gateway.get("/v1/x", &elsewhere).await;
    assert_eq!((answer.code(), answer.header("mfa-report")), (200, Some("would=deny, reason=mfa_missing")));
    let counted =
        gateway.metric(r#"mfa_gateway_would_deny_total{route="/v1/",reason="mfa_missing",class="app_user"}"#).await;
    assert!((counted - 1.0).abs() < f64::EPSILON, "{counted}");
}

#[tokio::test]
async fn no_mode_waives_anything_but_mfa() {
    for mode in ["off", "report"] {
        let gateway =
            start(&format!("mode: \"{mode}\""), &format!("{{ application: {PUBLIC_CLIENT_ID}, mode: \"{mode}\" }}"))
                .await;
        let expired = gateway.changed(|claims| claims["exp"] = json!(START.as_secs() - 600));
        assert_eq!(gateway.get("/v1/x", &expired).await.code(), 401);
        assert_eq!(gateway.send(&Call::get("/v1/x")).await.code(), 401);
        assert_eq!(gateway.world.upstream.count(), 0);
    }
}

#[tokio::test]
async fn a_caller_that_asks_is_told_whether_it_complies_in_every_mode() {
    let gateway = start("mode: enforce", "").await;
    for mode in ["enforce", "report", "\"off\""] {
        gateway.reload(&staged(&format!("mode: {mode}"), ""));
        for (token, complies) in [(gateway.jane(), "true"), (gateway.john(), "false")] {
            for path in ["/v1/x", "/signed-in/x"] {
                let asked = gateway.send(&Call::get(path).bearer(&token).header("ValidateMfa", "true")).await;
                assert_eq!(asked.header("ismfacompliant"), Some(complies), "{mode} {path}");
                assert_eq!(gateway.get(path, &token).await.header("ismfacompliant"), None);
            }
        }
        let john = gateway.send(&Call::get("/v1/x").bearer(&gateway.john()).header("ValidateMfa", "true")).await;
        if john.code() == 401 {
            assert_eq!(john.json()["isMfaCompliant"], json!(false));
        }
        let forged = format!("{}x", gateway.jane());
        let invalid = gateway.send(&Call::get("/v1/x").bearer(&forged).header("ValidateMfa", "true")).await;
        assert_eq!(
            (invalid.code(), invalid.header("ismfacompliant")),
            (401, None),
            "an invalid token never hears of MFA"
        );
    }
}

#[tokio::test]
async fn a_caller_with_mfa_is_told_that_enforcement_lets_it_pass() {
    let gateway = start("mode: report", "").await;
    let answer = gateway.get("/v1/x", &gateway.jane()).await;
    assert_eq!((answer.code(), answer.header("mfa-report")), (200, Some("would=permit")));
    let answer = gateway.get("/signed-in/x", &gateway.jane()).await;
    assert_eq!(answer.header("mfa-report"), None, "where MFA isn't asked for, nothing is reported");
}
