//! Acting on behalf of customers: whose token opens which customer's path.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{START, user_claims};
use crate::support::signer::key_set;
use crate::support::{Gateway, Recorder, Signer, World};

const PARTNER: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
const OTHER_PARTNER: &str = "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25";
const CUSTOMER: &str = "1a111111-1111-4111-8111-11111111111c";
const LAPSED: &str = "2a222222-2222-4222-8222-22222222222c";
const UNDELEGATED: &str = "3a333333-3333-4333-8333-33333333333c";
const EARLY: &str = "4a444444-4444-4444-8444-44444444444c";

const ADMIN: &str = "8d1c6f0e-3b52-4a97-a4d8-5e7f20c9b613";
const HELPDESK: &str = "0f1d2c3b-4a59-4687-9778-695a4b3c2d1e";

/// Customers' paths, with and without roles; a partner's own; and one that asks for no context.
const CONFIG: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - name: entra
    entra: { tenants: any }
    jwks_uri: \"${KEYS}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [ES256]
roles:
  - { name: Admin agent, any: [{ claim: groups, contains: 8d1c6f0e-3b52-4a97-a4d8-5e7f20c9b613 }] }
  - { name: Helpdesk agent, any: [{ claim: groups, contains: 0f1d2c3b-4a59-4687-9778-695a4b3c2d1e }] }
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
partners: [b41e72f8-2c93-4d67-a5b8-91c3d7e04f25]
delegations:
  - { partner: df845f1a-7b35-40a2-ba78-6481de91f8ae, customer: 1A111111-1111-4111-8111-11111111111C, roles: [Helpdesk agent], from: \"${PAST}\", until: \"${SOON}\" }
  - { partner: df845f1a-7b35-40a2-ba78-6481de91f8ae, customer: 2a222222-2222-4222-8222-22222222222c, roles: [Admin agent], from: \"${PAST}\", until: \"${NOW}\" }
  - { partner: df845f1a-7b35-40a2-ba78-6481de91f8ae, customer: 4a444444-4444-4444-8444-44444444444c, roles: [Admin agent], from: \"${SOON}\", until: \"${LATER}\" }
routes:
  - { prefix: /v1/, upstream: api }
  - { prefix: \"/v1/customers/{customer}/\", upstream: api, context: customer }
  - { prefix: \"/v1/customers/{customer}/users/\", upstream: api, context: customer, app_only: deny, roles: [Admin agent, Helpdesk agent] }
  - { prefix: \"/v1/customers/{customer}/domains/\", upstream: api, context: customer, roles: [Admin agent] }
  - { prefix: \"/v1/customers/{customer}/rehearsed/\", upstream: api, context: customer, mode: report }
  - { prefix: /v1/partner/, upstream: api, context: partner }
";

struct Started {
    gateway: Gateway,
    signer: Signer,
    _keys: Recorder,
}

async fn start() -> Started {
    let signer = Signer::es256("k");
    let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
    let (hour, at) = (Duration::from_secs(3600), |time: mfa_gateway_core::clock::Timestamp| time.to_string());
    let world = World::new().await.with("KEYS", &keys.url()).with("PAST", &at(START.minus(hour)));
    let world =
        world.with("NOW", &at(START)).with("SOON", &at(START.plus(hour))).with("LATER", &at(START.plus(2 * hour)));
    Started { gateway: world.gateway(CONFIG).await, signer, _keys: keys }
}

/// A user of a home tenant, signed in with MFA to a tenant.
fn user(tenant: &str, home: &str) -> Value {
    let mut claims = user_claims(&format!("https://login.microsoftonline.com/{tenant}/v2.0"));
    claims["tid"] = json!(tenant);
    claims["ver"] = json!("2.0");
    if home != tenant {
        claims["idp"] = json!(format!("https://sts.windows.net/{home}/"));
    }
    claims
}

fn application(tenant: &str) -> Value {
    let user = user(tenant, tenant);
    json!({
        "iss": user["iss"], "aud": user["aud"], "exp": user["exp"], "iat": user["iat"], "tid": tenant, "ver": "2.0",
        "azp": "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4", "azpacr": "1", "idtyp": "app", "oid": "o", "sub": "o",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

impl Started {
    async fn get(&self, path: &str, claims: &Value) -> (u16, String, Value) {
        let before = self.gateway.world.upstream.count();
        let answer = self.gateway.get(path, &self.signer.token(claims)).await;
        let reached = self.gateway.world.upstream.count() - before;
        assert_eq!(reached, usize::from(answer.code() == 200), "{path}: {}", answer.code());
        if answer.code() == 200 {
            let grounds =
                self.gateway.world.upstream.seen().last().unwrap().header("x-auth-request-grounds").unwrap().to_owned();
            return (200, grounds, Value::Null);
        }
        (answer.code(), answer.refusal(), serde_json::from_slice(&answer.body).unwrap())
    }

    async fn expect(&self, path: &str, claims: &Value, status: u16, reason: &str) -> Value {
        let (code, found, body) = self.get(path, claims).await;
        assert_eq!((code, &*found), (status, reason), "{path}: {body}");
        body
    }
}

fn of(customer: &str) -> String {
    format!("/v1/customers/{customer}/x")
}

#[tokio::test]
async fn a_token_of_the_customers_tenant_opens_that_customers_path_and_no_others() {
    let started = start().await;
    let agent = user(CUSTOMER, PARTNER);
    started.expect(&of(CUSTOMER), &agent, 200, "mfa").await;
    started.expect(&of(&CUSTOMER.to_uppercase()), &agent, 200, "mfa").await;
    for other in [LAPSED, UNDELEGATED, PARTNER] {
        let body = started.expect(&of(other), &agent, 403, "wrong_context").await;
        assert_eq!(body["expected"], json!({"context": "customer", "tenant": other}));
        assert_eq!((&body["seen"]["tenant"], &body["seen"]["home_tenant"]), (&json!(CUSTOMER), &json!(PARTNER)));
    }
    started.expect("/v1/elsewhere", &agent, 200, "mfa").await;
}

#[tokio::test]
async fn a_token_of_another_tenant_is_no_context_however_strong() {
    let started = start().await;
    let body = started.expect(&of(CUSTOMER), &user(PARTNER, PARTNER), 403, "wrong_context").await;
    assert!(body["remedy"].as_str().unwrap().contains("https://login.microsoftonline.com/{customer}"), "{body}");
    started.expect(&of(CUSTOMER), &user(OTHER_PARTNER, PARTNER), 403, "wrong_context").await;
    // Without MFA, the context comes first: MFA done in the wrong tenant would open nothing.
    let without = with(user(PARTNER, PARTNER), "amr", json!(["pwd"]));
    started.expect(&of(CUSTOMER), &without, 403, "wrong_context").await;
}

#[tokio::test]
async fn mfa_counts_in_the_customers_context_alone() {
    let started = start().await;
    let without = with(user(CUSTOMER, PARTNER), "amr", json!(["pwd"]));
    started.expect(&of(CUSTOMER), &user(CUSTOMER, PARTNER), 200, "mfa").await;
    started.expect(&of(CUSTOMER), &without, 401, "mfa_missing").await;
    let path = format!("/v1/customers/{CUSTOMER}/rehearsed/x");
    started.expect(&path, &without, 200, "report_only").await;
    started.expect(&path, &with(user(PARTNER, PARTNER), "amr", json!(["pwd"])), 403, "wrong_context").await;
}

#[tokio::test]
async fn a_delegation_must_be_there_and_hold() {
    let started = start().await;
    for (customer, reason) in [(LAPSED, "delegation_ended"), (UNDELEGATED, "no_delegation"), (EARLY, "no_delegation")] {
        let body = started.expect(&of(customer), &user(customer, PARTNER), 403, reason).await;
        assert_eq!(body["seen"]["home_tenant"], json!(PARTNER));
    }
    started.expect(&of(CUSTOMER), &user(CUSTOMER, OTHER_PARTNER), 403, "no_delegation").await;
    started.expect(&of(CUSTOMER), &user(CUSTOMER, CUSTOMER), 403, "no_delegation").await;
    for idp in [json!("live.com"), json!(null), json!([format!("https://sts.windows.net/{PARTNER}/")])] {
        let claims = with(user(CUSTOMER, PARTNER), "idp", idp);
        let body = started.expect(&of(CUSTOMER), &claims, 403, "no_delegation").await;
        assert_eq!(body["seen"]["home_tenant"], Value::Null);
    }
}

#[tokio::test]
async fn a_delegation_ends_while_the_token_goes_on() {
    let started = start().await;
    let later = START.plus(Duration::from_secs(7200)).as_secs();
    let claims = with(user(CUSTOMER, PARTNER), "exp", json!(later));
    started.expect(&of(CUSTOMER), &claims, 200, "mfa").await;
    started.gateway.world.clock.advance(Duration::from_secs(3599));
    started.expect(&of(CUSTOMER), &claims, 200, "mfa").await;
    started.gateway.world.clock.advance(Duration::from_secs(1));
    started.expect(&of(CUSTOMER), &claims, 403, "delegation_ended").await;
}

#[tokio::test]
async fn roles_count_as_far_as_they_are_delegated() {
    let started = start().await;
    let agent = |groups: &[&str]| with(user(CUSTOMER, PARTNER), "groups", json!(groups));
    let (users, domains) = (format!("/v1/customers/{CUSTOMER}/users/x"), format!("/v1/customers/{CUSTOMER}/domains/x"));
    started.expect(&users, &agent(&[HELPDESK]), 200, "mfa").await;
    started.expect(&users, &agent(&[]), 403, "role_missing").await;
    for path in [&users, &domains] {
        let body = started.expect(path, &agent(&[ADMIN]), 403, "role_not_delegated").await;
        assert_eq!(body["seen"]["roles"], json!(["Admin agent"]));
    }
    started.expect(&users, &agent(&[ADMIN, HELPDESK]), 200, "mfa").await;
    started.expect(&domains, &agent(&[HELPDESK]), 403, "role_missing").await;
    let overage = with(user(CUSTOMER, PARTNER), "_claim_names", json!({"groups": "src1"}));
    started.expect(&users, &overage, 403, "roles_unknown").await;
    started.expect(&domains, &overage, 403, "role_missing").await;
}

#[tokio::test]
async fn an_application_needs_the_tenant_and_the_routes_leave() {
    let started = start().await;
    started.expect(&of(CUSTOMER), &application(CUSTOMER), 200, "app_only").await;
    started.expect(&of(CUSTOMER), &application(PARTNER), 403, "wrong_context").await;
    let users = format!("/v1/customers/{CUSTOMER}/users/x");
    started.expect(&users, &application(CUSTOMER), 403, "app_only_forbidden").await;
}

#[tokio::test]
async fn a_partners_context_is_for_its_members() {
    let started = start().await;
    for partner in [PARTNER, OTHER_PARTNER] {
        started.expect("/v1/partner/x", &user(partner, partner), 200, "mfa").await;
        started.expect("/v1/partner/x", &application(partner), 200, "app_only").await;
    }
    for claims in
        [user(OTHER_PARTNER, PARTNER), user(CUSTOMER, PARTNER), user(CUSTOMER, CUSTOMER), application(CUSTOMER)]
    {
        let body = started.expect("/v1/partner/x", &claims, 403, "wrong_context").await;
        assert_eq!(body["expected"], json!({"context": "partner"}));
    }
}

#[tokio::test]
async fn users_who_act_for_nobody_are_not_touched() {
    let started = start().await;
    for claims in [user(PARTNER, PARTNER), user(UNDELEGATED, UNDELEGATED), user(UNDELEGATED, PARTNER)] {
        started.expect("/v1/elsewhere", &claims, 200, "mfa").await;
        started.expect("/v1/customers", &claims, 200, "mfa").await;
    }
    started.expect("/v1/elsewhere", &with(user(PARTNER, PARTNER), "idp", json!("live.com")), 200, "mfa").await;
}

#[tokio::test]
async fn a_customer_who_is_named_otherwise_is_refused_as_a_path() {
    let started = start().await;
    let token = started.signer.token(&user(CUSTOMER, PARTNER));
    for value in [
        "contoso.onmicrosoft.com",
        &format!("%31{}", CUSTOMER.get(1..).unwrap()),
        &format!("{CUSTOMER}%2f..%2f{UNDELEGATED}"),
        &format!("{CUSTOMER}/..;/{UNDELEGATED}"),
        &format!("{CUSTOMER}/%2e%2e/{UNDELEGATED}"),
        &format!("/{CUSTOMER}"),
        &format!("{CUSTOMER}."),
    ] {
        let answer = started.gateway.get(&format!("/v1/customers/{value}/x"), &token).await;
        assert_eq!((answer.code(), &*answer.refusal()), (400, "malformed_request"), "{value}");
    }
    let answer = started.gateway.get("/v1/customers/contoso.onmicrosoft.com/x", &token).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("by its tenant id"), "{:?}", answer.body);
    assert_eq!(started.gateway.world.upstream.count(), 0);
}
