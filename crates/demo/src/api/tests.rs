//! The API over HTTP, with tokens of a running provider.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::{ApiFaults, SampleApi};
use crate::people::{VENDOR_CLIENT_ID, everyone, jane, john};
use crate::provider::{IdentityProvider, TokenOptions};
use crate::tenants::ALPINE_SKI_HOUSE;
use mfa_gateway_core::clock::Clock;

struct World {
    provider: IdentityProvider,
    api: SampleApi,
    http: reqwest::Client,
}

impl World {
    async fn start() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let provider = IdentityProvider::start(loopback, Clock::system(), everyone()).await.unwrap();
        let api = SampleApi::start(loopback, provider.directory()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { provider, api, http }
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("http://{}{path}", self.api.address());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    fn vendor(&self) -> String {
        let options = TokenOptions { client_id: VENDOR_CLIENT_ID.to_owned(), ..TokenOptions::default() };
        self.provider.access_token_for(&jane(), &options)
    }
}

#[tokio::test]
async fn paths_and_methods_are_told_apart() {
    let world = World::start().await;
    for (method, path, status) in [
        ("GET", "/v1/customers", 200),
        ("GET", "/v1/customers/b44bb1fb-c595-45b0-9e08-d657365580f8", 200),
        ("GET", "/v1/customers/unknown", 404),
        ("GET", "/v1/elsewhere", 404),
        ("DELETE", "/v1/customers", 405),
        ("GET", "/", 200),
        ("POST", "/healthz", 405),
        ("GET", "/elsewhere", 404),
    ] {
        assert_eq!(world.ask(method, path, "", None).await.0, status, "{method} {path}");
    }
}

#[tokio::test]
async fn what_belongs_to_a_customer_needs_an_application_and_a_user_with_mfa() {
    let world = World::start().await;
    let path = format!("/v1/customers/{ALPINE_SKI_HOUSE}/users");
    let john = world.provider.access_token_for(&john(), &TokenOptions::default());
    let mut expired = world.provider.claims_for(&jane(), &TokenOptions::default());
    expired["exp"] = json!(1);
    let expired = world.provider.mint(&expired);
    for (token, status) in [
        ("", 401),
        ("x", 401),
        (&expired, 401),
        (&john, 401),
        (&world.provider.app_token(), 403),
        (&world.vendor(), 200),
    ] {
        assert_eq!(world.ask("GET", &path, token, None).await.0, status);
    }
    let recorded = world.api.recorded();
    let tokens: Vec<_> = recorded.iter().map(|request| request.token.is_some()).collect();
    assert_eq!(tokens, [false, false, false, true, true, true]);
    assert_eq!(recorded.last().unwrap().token.as_ref().unwrap()["appid"], VENDOR_CLIENT_ID);
    assert!(!serde_json::to_string(&recorded).unwrap().contains("eyJ"));
}

#[tokio::test]
async fn a_vendor_consents_for_a_customer_once_and_takes_it_back() {
    let world = World::start().await;
    let (path, token) = (format!("/v1/customers/{ALPINE_SKI_HOUSE}/applicationconsents"), world.vendor());
    let grants = json!([{ "enterpriseApplicationId": "00000003-0000-0000-c000-000000000000", "scope": "User.Read" }]);
    let body = json!({ "displayName": "Panel", "applicationId": VENDOR_CLIENT_ID, "applicationGrants": grants });
    assert_eq!(world.ask("POST", &path, &token, Some(&body)).await.0, 201);
    let (status, again) = world.ask("POST", &path, &token, Some(&body)).await;
    assert_eq!((status, &again["description"]), (409, &json!("Permission entry already exists.")));
    let one = format!("{path}/{VENDOR_CLIENT_ID}");
    assert_eq!(world.ask("DELETE", &one, &token, None).await.0, 204);
    assert_eq!(world.ask("DELETE", &one, &token, None).await.0, 404);
    for wrong in [
        json!({}),
        json!({ "applicationId": "another", "applicationGrants": grants }),
        json!({ "applicationId": VENDOR_CLIENT_ID, "applicationGrants": [] }),
    ] {
        assert_eq!(world.ask("POST", &path, &token, Some(&wrong)).await.0, 400, "{wrong}");
    }
    let nobody = "/v1/customers/00000000-0000-4000-8000-000000000000/applicationconsents";
    assert_eq!(world.ask("POST", nobody, &token, Some(&body)).await.0, 404);
    assert_eq!(world.ask("GET", &path, &token, None).await.0, 405);
}

#[tokio::test]
async fn faults_are_set_over_http_and_too_many_requests_are_asked_to_wait() {
    let world = World::start().await;
    let none = json!({ "requests_per_second": 0 });
    assert_eq!(world.ask("PUT", "/faults", "", Some(&none)).await.0, 200);
    let response = world.http.get(format!("http://{}/v1/customers", world.api.address())).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].as_bytes()), (429, &b"1"[..]));
    world.api.set_faults(ApiFaults { unavailable_percent: 100, ..ApiFaults::default() });
    assert_eq!(world.ask("GET", "/v1/customers", "", None).await.0, 503);
    assert_eq!(world.ask("GET", "/recorded", "", None).await.1.as_array().unwrap().len(), 2);
    assert_eq!(world.ask("PUT", "/faults", "", Some(&json!({ "more": 1 }))).await.0, 400);
}
