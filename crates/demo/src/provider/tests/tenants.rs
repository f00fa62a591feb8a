//! The partner's people and programs in their customers' tenants, and Entra's errors.

use super::*;
use crate::people::{CONTOSO, DEMO_ONLY_NIGHTLY_SECRET, DEMO_ONLY_VENDOR_SECRET, NIGHTLY_CLIENT_ID, VENDOR_CLIENT_ID};
use crate::tenants::{ADATUM, ALPINE_SKI_HOUSE, TREY_RESEARCH};

const NIGHTLY: [&str; 2] = [NIGHTLY_CLIENT_ID, DEMO_ONLY_NIGHTLY_SECRET];
const VENDOR: [&str; 2] = [VENDOR_CLIENT_ID, DEMO_ONLY_VENDOR_SECRET];

impl Browser {
    async fn authorize_at(&mut self, tenant: &str, more: &str) -> Shown {
        let request = request().replace(PORTAL_CLIENT_ID, NIGHTLY_CLIENT_ID);
        self.get(&format!("{tenant}/authorize?{request}&{more}")).await
    }

    /// The response of a tenant's token endpoint.
    async fn ask(&mut self, path: &str, [id, secret]: [&str; 2], body: &str) -> (u16, Value) {
        let shown = self.form(path, &format!("{body}&client_id={id}&client_secret={secret}")).await;
        (shown.status, serde_json::from_str(&shown.body).unwrap())
    }

    async fn redeem_at(&mut self, tenant: &str, shown: &Shown) -> Value {
        let code = shown.parameter("code").unwrap();
        let body =
            format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}&redirect_uri={CALLBACK}");
        self.ask(&format!("{tenant}/token"), NIGHTLY, &body).await.1
    }

    /// A refresh token of the service account, with MFA at home.
    async fn consent(&mut self) -> String {
        let back = self.authorize_at(CONTOSO, "login_hint=nightly").await;
        self.redeem_at(CONTOSO, &back).await["refresh_token"].as_str().unwrap().to_owned()
    }

    async fn refresh(&mut self, path: &str, token: &str) -> (u16, Value) {
        self.ask(path, NIGHTLY, &format!("grant_type=refresh_token&refresh_token={token}")).await
    }
}

/// A client that shows no pages, so that a hint signs in.
async fn client() -> (IdentityProvider, Browser) {
    let provider = provider().await;
    let client = Browser { accept: "*/*", ..Browser::of(&provider) };
    (provider, client)
}

#[tokio::test]
async fn mfa_at_home_is_not_mfa_with_a_customer() {
    let provider = provider().await;
    let mut browser = Browser::of(&provider);
    let page = browser.authorize_at(CONTOSO, "login_hint=nightly").await;
    let page = browser.press(&page, "action=password").await;
    let back = browser.press(&page, "action=approve").await;
    let home = claims(&browser.redeem_at(CONTOSO, &back).await["access_token"]);
    assert_eq!((&home["tid"], &home["amr"], home.get("idp")), (&json!(CONTOSO), &json!(["pwd", "mfa"]), None));

    let back = browser.authorize_at(ADATUM, "login_hint=nightly").await;
    let guest = claims(&browser.redeem_at(ADATUM, &back).await["access_token"]);
    assert_eq!((&guest["tid"], &guest["amr"]), (&json!(ADATUM), &json!(["pwd"])));
    assert_eq!(guest["idp"], format!("https://sts.windows.net/{CONTOSO}/"));

    let page = browser.authorize_at(ADATUM, "login_hint=nightly&amr_values=mfa").await;
    assert!(page.body.contains("in the tenant of Adatum"), "{}", page.body);
    let back = browser.press(&page, "action=approve").await;
    let tokens = browser.redeem_at(ADATUM, &back).await;
    assert_eq!(claims(&tokens["access_token"])["amr"], json!(["pwd", "mfa"]));
    assert_eq!(claims(&tokens["id_token"])["tid"], ADATUM);
    let back = browser.authorize_at(ADATUM, "login_hint=nightly").await;
    assert_eq!(claims(&browser.redeem_at(ADATUM, &back).await["access_token"])["amr"], json!(["pwd", "mfa"]));
}

#[tokio::test]
async fn a_federated_customers_own_provider_performs_mfa() {
    let provider = provider().await;
    let mut browser = Browser::of(&provider);
    let page = browser.authorize_at(ALPINE_SKI_HOUSE, "login_hint=jane").await;
    assert_eq!(page.title(), "Enter the password");
    let page = browser.press(&page, "action=password").await;
    assert_eq!(page.title(), "Sign in at your company");
    assert!(page.body.contains("Alpine Ski House has an identity provider of its own"), "{}", page.body);
    let back = browser.press(&page, "action=federated").await;
    let tokens = browser.redeem_at(ALPINE_SKI_HOUSE, &back).await;
    assert_eq!(claims(&tokens["access_token"])["amr"], json!(["pwd", "mfa"]));
}

#[tokio::test]
async fn a_partners_refresh_token_gives_tokens_of_customers_who_consented() {
    let (provider, mut client) = client().await;
    let mut token = client.consent().await;
    for (path, tenant, amr, issuer) in [
        (format!("{ADATUM}/token"), ADATUM, json!(["pwd"]), provider.issuer().to_owned()),
        (format!("{TREY_RESEARCH}/token"), TREY_RESEARCH, json!(["pwd", "mfa"]), provider.issuer().to_owned()),
        (format!("{CONTOSO}/token"), CONTOSO, json!(["pwd", "mfa"]), provider.issuer().to_owned()),
        (
            format!("{TREY_RESEARCH}/oauth2/v2.0/token"),
            TREY_RESEARCH,
            json!(["pwd", "mfa"]),
            format!("{}{TREY_RESEARCH}/v2.0", provider.issuer()),
        ),
        (format!("{ADATUM}/oauth2/token"), ADATUM, json!(["pwd"]), format!("{}{ADATUM}/", provider.issuer())),
    ] {
        let (status, response) = client.refresh(&path, &token).await;
        assert_eq!(status, 200, "{response}");
        let claims = claims(&response["access_token"]);
        assert_eq!((&claims["tid"], &claims["amr"], &claims["iss"]), (&json!(tenant), &amr, &json!(issuer)), "{path}");
        response["refresh_token"].as_str().unwrap().clone_into(&mut token);
    }
}

#[tokio::test]
async fn without_consent_or_mfa_a_customer_gives_no_token() {
    let (provider, mut client) = client().await;
    let path = format!("{ALPINE_SKI_HOUSE}/oauth2/v2.0/token");
    let number = |response: &Value| response["error_codes"][0].as_u64().unwrap();
    let token = client.consent().await;
    let (status, refused) = client.refresh(&path, &token).await;
    assert_eq!((status, number(&refused), &refused["suberror"]), (400, 65001, &json!("consent_required")));
    let consent = format!("consents/{ALPINE_SKI_HOUSE}/{NIGHTLY_CLIENT_ID}");
    let put = client.http.put(format!("{}{consent}", provider.issuer()));
    assert_eq!(client.send(put).await.status, 200);
    let token = client.consent().await;
    let (status, refused) = client.refresh(&path, &token).await;
    assert_eq!((status, number(&refused), &refused["suberror"]), (400, 50076, &json!("basic_action")));
}

#[tokio::test]
async fn a_refresh_token_that_ended_says_why() {
    let (provider, mut client) = client().await;
    let path = format!("{CONTOSO}/oauth2/v2.0/token");
    let number = |(_, response): (u16, Value)| response["error_codes"][0].as_u64();
    let first = client.consent().await;
    let second = client.refresh(&path, &first).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(number(client.refresh(&path, &first).await), Some(70000), "used twice");
    assert_eq!(number(client.refresh(&path, &second).await), Some(70000), "of that family");
    let token = client.consent().await;
    for (fault, expected) in [("mfa_lifetime_secs", 50078), ("lifetime_secs", 70043)] {
        provider.faults().merge(&json!({ "refresh_token": { fault: 0 } })).unwrap();
        assert_eq!(number(client.refresh(&path, &token).await), Some(expected));
    }
    provider.faults().reset();
    provider.end_sessions_of("nightly").await;
    assert_eq!(number(client.refresh(&path, &token).await), Some(50173));
    assert_eq!(number(client.refresh(&path, &token).await), Some(50173));
}

#[tokio::test]
async fn a_password_gets_no_token_where_mfa_is_due() {
    let (_provider, mut client) = client().await;
    let mut ask = async |tenant: &str, user: &str| {
        let body = format!("grant_type=password&username={user}&password=x&scope=openid");
        let (status, response) = client.ask(&format!("{tenant}/oauth2/v2.0/token"), NIGHTLY, &body).await;
        let amr = response.get("access_token").map(|token| claims(token)["amr"].clone());
        (status, response["error"].clone(), response["error_codes"][0].as_u64(), amr)
    };
    let grant = json!("invalid_grant");
    assert_eq!(ask(CONTOSO, "nightly@contoso.example").await, (400, grant.clone(), Some(50076), None));
    assert_eq!(ask("organizations", "trent@wingtip.example").await, (400, grant.clone(), Some(50126), None));
    assert_eq!(ask(CONTOSO, "nobody@contoso.example").await, (400, grant, Some(50034), None));
    let john = ask("common", "john@fabrikam.example").await;
    assert_eq!((john.0, john.3), (200, Some(json!(["pwd"]))));
    // Adatum asks for no MFA, and Jane has none there.
    assert_eq!(ask(ADATUM, "jane@contoso.example").await.3, Some(json!(["pwd"])));
}

#[tokio::test]
async fn programs_get_tokens_of_the_tenants_that_consented() {
    let (provider, mut client) = client().await;
    let mut ask = async |path: &str, program| {
        let (status, response) = client.ask(path, program, "grant_type=client_credentials").await;
        response.get("access_token").map_or_else(|| Err((status, response.clone())), |token| Ok(claims(token)))
    };
    let home = ask("token", NIGHTLY).await.unwrap();
    assert_eq!((&home["tid"], &home["idtyp"]), (&json!(CONTOSO), &json!("app")));
    assert_eq!((&home["appid"], home.get("scp")), (&json!(NIGHTLY_CLIENT_ID), None));
    let customer = ask(&format!("{ADATUM}/oauth2/v2.0/token"), NIGHTLY).await.unwrap();
    assert_eq!(customer["tid"], ADATUM);
    assert_eq!(customer["iss"], format!("{}{ADATUM}/v2.0", provider.issuer()));
    let (status, refused) = ask(&format!("{ADATUM}/oauth2/v2.0/token"), VENDOR).await.unwrap_err();
    assert_eq!((status, &refused["error_codes"]), (400, &json!([700_016])));
    assert_eq!(ask("token", VENDOR).await.unwrap()["appid"], VENDOR_CLIENT_ID);
    assert_eq!(ask("token", [NIGHTLY_CLIENT_ID, "guess"]).await.unwrap_err().0, 401);
}

#[tokio::test]
async fn an_error_of_entras_is_set_for_one_tenant_and_one_time() {
    let (provider, mut client) = client().await;
    let token = client.consent().await;
    let paths = [CONTOSO, ADATUM].map(|tenant| format!("{tenant}/oauth2/v2.0/token"));
    let fault = json!({ "aadsts": 90055, "retry_after": 7, "tenant": ADATUM, "times": 1 });
    provider.faults().merge(&json!({ "refresh": fault })).unwrap();
    let (status, response) = client.refresh(&paths[0], &token).await;
    assert_eq!(status, 200, "{response}");
    let next = response["refresh_token"].as_str().unwrap();
    let (status, response) = client.refresh(&paths[1], next).await;
    assert_eq!((status, &response["error"]), (429, &json!("temporarily_unavailable")));
    assert!(response["trace_id"].is_string() && response["correlation_id"].is_string());
    assert_eq!(client.refresh(&paths[1], next).await.0, 200);
}
