//! Journeys through the running provider, over HTTP, and the browser that makes them.

mod journeys;
mod tenants;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::people::{DEMO_ONLY_PORTAL_SECRET, PORTAL_CLIENT_ID, everyone};
use mfa_gateway_core::clock::Clock;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const CALLBACK: &str = "http://127.0.0.1:9/callback";
/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser with one cookie, which follows no redirect by itself.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookie: String,
    accept: &'static str,
}

/// What a browser was shown.
struct Shown {
    status: u16,
    location: Option<Url>,
    body: String,
}

impl Browser {
    fn of(provider: &IdentityProvider) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { http, base: provider.issuer().to_owned(), cookie: String::new(), accept: "text/html" }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Shown {
        let request = request.header("accept", self.accept).header("cookie", &self.cookie);
        let response = request.send().await.unwrap();
        if let Some(cookie) = response.headers().get("set-cookie") {
            cookie.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let location = response.headers().get("location").map(|value| Url::parse(value.to_str().unwrap()).unwrap());
        Shown {
            status: response.status().as_u16(),
            location,
            body: response.text().await.unwrap().replace("&#x2f;", "/"),
        }
    }

    async fn get(&mut self, path: &str) -> Shown {
        let request = self.http.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, content_type: &str, body: &str) -> Shown {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", content_type);
        self.send(request.body(body.to_owned())).await
    }

    async fn form(&mut self, path: &str, body: &str) -> Shown {
        self.post(path, "application/x-www-form-urlencoded", body).await
    }

    async fn authorize(&mut self, more: &str) -> Shown {
        self.get(&format!("authorize?{}&{more}", request())).await
    }

    /// Presses a button of a page's first form.
    async fn press(&mut self, page: &Shown, body: &str) -> Shown {
        assert_eq!(page.status, 200, "{}", page.body);
        let action = page.body.split("action=\"/").nth(1).unwrap().split('"').next().unwrap();
        self.form(action, body).await
    }

    async fn redeem(&mut self, shown: &Shown) -> Value {
        let code = shown.parameter("code").unwrap();
        let body =
            format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}&redirect_uri={CALLBACK}");
        self.token(&body).await.unwrap()
    }

    async fn token(&mut self, body: &str) -> Result<Value, u16> {
        let secret = format!("client_id={PORTAL_CLIENT_ID}&client_secret={DEMO_ONLY_PORTAL_SECRET}");
        let shown = self.form("token", &format!("{body}&{secret}")).await;
        if shown.status == 200 { Ok(serde_json::from_str(&shown.body).unwrap()) } else { Err(shown.status) }
    }
}

impl Shown {
    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.location.as_ref()?.query_pairs();
        pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
    }

    #[track_caller]
    fn title(&self) -> &str {
        self.body.split("<h1>").nth(1).unwrap_or(&self.body).split("</h1>").next().unwrap()
    }
}

fn request() -> String {
    format!(
        "client_id={PORTAL_CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code&scope=openid+offline_access&state=s&\
         nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn provider() -> IdentityProvider {
    IdentityProvider::start(LOOPBACK, Clock::system(), everyone()).await.unwrap()
}
