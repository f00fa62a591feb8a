//! Entra's issuers: two token versions, tenants in templates, and keys that are bound to issuers and clouds.

use serde_json::{Value, json};

use crate::support::gateway::user_claims;
use crate::support::signer::key_set;
use crate::support::{Gateway, Recorder, Signer, World};

const CONTOSO: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
const FABRIKAM: &str = "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25";

const V1: &str = "https://sts.windows.net/{tenant}/";
const V2: &str = "https://login.microsoftonline.com/{tenant}/v2.0";

/// An Entra issuer with keys of our own: a free one, one bound to each kind of issuer, and one of another cloud.
struct Entra {
    gateway: Gateway,
    free: Signer,
    templated: Signer,
    contosos: Signer,
    us_government: Signer,
    _keys: Recorder,
}

impl Entra {
    async fn start(tenants: &str) -> Self {
        let config = format!(
            "
listeners: [{{ address: 127.0.0.1:0 }}]
issuers:
  - name: entra
    entra: {{ cloud: global, tenants: {tenants} }}
    jwks_uri: \"${{KEYS}}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [ES256]
upstreams: [{{ name: api, endpoints: [\"${{UPSTREAM}}\"] }}]
routes: [{{ prefix: /v1/, upstream: api }}]
"
        );
        let [free, templated, contosos, us_government] =
            ["free", "templated", "contosos", "us-government"].map(Signer::es256);
        let bound = |signer: &Signer, member: &str, value: &str| {
            let mut jwk = signer.jwk();
            jwk[member] = json!(value);
            jwk
        };
        let keys = Recorder::key_set(key_set(&[
            free.jwk(),
            bound(&templated, "issuer", &V2.replace("{tenant}", "{tenantid}")),
            bound(&contosos, "issuer", &V2.replace("{tenant}", CONTOSO)),
            bound(&us_government, "cloud_instance_name", "microsoftonline.us"),
        ]))
        .await;
        let gateway = World::new().await.with("KEYS", &keys.url()).gateway(&config).await;
        Self { gateway, free, templated, contosos, us_government, _keys: keys }
    }

    async fn passes(&self, what: &str, token: &str) {
        let answer = self.gateway.get("/v1/customers", token).await;
        assert_eq!(answer.code(), 200, "{what}: {:?}", answer.body);
    }
}

/// The claims of a user with MFA.
fn claims(template: &str, tenant: &str, version: &str) -> Value {
    let mut claims = user_claims(&template.replace("{tenant}", tenant));
    claims["tid"] = json!(tenant);
    claims["ver"] = json!(version);
    claims
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn both_versions_of_a_listed_tenant_pass_and_no_other_tenant() {
    let entra = Entra::start(&format!("[{CONTOSO}]")).await;
    entra.passes("v1", &entra.free.token(&claims(V1, CONTOSO, "1.0"))).await;
    entra.passes("v2", &entra.free.token(&claims(V2, CONTOSO, "2.0"))).await;
    entra.passes("no ver", &entra.free.token(&without(claims(V2, CONTOSO, "2.0"), "ver"))).await;
    for (template, version) in [(V1, "1.0"), (V2, "2.0")] {
        let token = entra.free.token(&claims(template, FABRIKAM, version));
        entra.gateway.refuses("another tenant", &token, "tenant_not_trusted").await;
    }
}

#[tokio::test]
async fn with_any_tenant_the_token_must_still_agree_with_itself() {
    let entra = Entra::start("any").await;
    entra.passes("Contoso", &entra.free.token(&claims(V1, CONTOSO, "1.0"))).await;
    entra.passes("Fabrikam", &entra.free.token(&claims(V2, FABRIKAM, "2.0"))).await;
    let contoso = claims(V2, CONTOSO, "2.0");
    for (what, claims, reason) in [
        ("tid of another tenant", with(contoso.clone(), "tid", json!(FABRIKAM)), "tenant_contradictory"),
        ("tid in capitals", with(contoso.clone(), "tid", json!(CONTOSO.to_uppercase())), "tenant_contradictory"),
        ("v2 issuer, v1 token", with(contoso.clone(), "ver", json!("1.0")), "tenant_contradictory"),
        ("v1 issuer, v2 token", claims(V1, CONTOSO, "2.0"), "tenant_contradictory"),
        ("no tid", without(contoso.clone(), "tid"), "claim_missing"),
        ("tid of another type", with(contoso.clone(), "tid", json!([CONTOSO])), "claim_malformed"),
        ("ver of another type", with(contoso.clone(), "ver", json!(2.0)), "claim_malformed"),
        ("the template itself", claims(V2, "{tenantid}", "2.0"), "issuer_unknown"),
        ("the common endpoint", claims(V2, "common", "2.0"), "issuer_unknown"),
        ("no tenant", claims(V1, "", "1.0"), "issuer_unknown"),
        ("a longer path", claims(V2, &format!("x/{CONTOSO}"), "2.0"), "issuer_unknown"),
    ] {
        entra.gateway.refuses(what, &entra.free.token(&claims), reason).await;
    }
}

#[tokio::test]
async fn issuers_of_other_clouds_and_look_alikes_are_not_this_cloud_s() {
    let entra = Entra::start("any").await;
    for template in [
        "https://login.microsoftonline.us/{tenant}/v2.0",
        "https://login.partner.microsoftonline.cn/{tenant}/v2.0",
        "https://sts.chinacloudapi.cn/{tenant}/",
        "https://sts.microsoftonline.de/{tenant}/",
        "https://login.microsoftonline.com/{tenant}/v2.0/",
        "https://login.microsoftonline.com/{tenant}",
        "http://login.microsoftonline.com/{tenant}/v2.0",
        "https://login.microsoftonline.com.evil.example/{tenant}/v2.0",
        "https://sts.windows.net/{tenant}",
        "HTTPS://STS.WINDOWS.NET/{tenant}/",
    ] {
        let token = entra.free.token(&claims(template, CONTOSO, "2.0"));
        entra.gateway.refuses(template, &token, "issuer_unknown").await;
    }
}

#[tokio::test]
async fn a_key_signs_only_for_the_issuer_and_cloud_it_is_bound_to() {
    let entra = Entra::start("any").await;
    entra.passes("template, v2", &entra.templated.token(&claims(V2, FABRIKAM, "2.0"))).await;
    entra.passes("template, v1", &entra.templated.token(&claims(V1, FABRIKAM, "1.0"))).await;
    entra.passes("Contoso's key for Contoso", &entra.contosos.token(&claims(V2, CONTOSO, "2.0"))).await;
    for (what, signer, tenant) in [
        ("Contoso's key for Fabrikam", &entra.contosos, FABRIKAM),
        ("another cloud's key", &entra.us_government, CONTOSO),
    ] {
        for (template, version) in [(V1, "1.0"), (V2, "2.0")] {
            let token = signer.token(&claims(template, tenant, version));
            entra.gateway.refuses(what, &token, "key_of_another_issuer").await;
        }
    }
}

#[tokio::test]
async fn an_entra_application_proves_itself_and_a_user_never_passes_for_one() {
    let entra = Entra::start(&format!("[{CONTOSO}]")).await;
    let user = without(claims(V2, CONTOSO, "2.0"), "amr");
    let bare = ["scp", "auth_time", "name"].iter().fold(user, |claims, name| without(claims, name));
    let id = json!("c6a8e1d4-70b2-4e39-8f5d-2a9b6c1e0d73");
    let object = with(with(with(bare.clone(), "oid", id.clone()), "sub", id), "azpacr", json!("1"));
    let stated = with(without(object.clone(), "azpacr"), "idtyp", json!("app"));
    entra.passes("idtyp app", &entra.free.token(&stated)).await;
    entra.passes("idtyp app, and a secret", &entra.free.token(&with(stated.clone(), "amr", json!(["pwd"])))).await;
    for (name, value) in [("sub", json!("x")), ("azpacr", json!("0")), ("amr", json!(["mfa"])), ("SCP", json!("x"))] {
        let token = entra.free.token(&with(stated.clone(), name, value));
        entra.gateway.refuses(&format!("idtyp app beside {name}"), &token, "class_contradictory").await;
    }
    entra.passes("oid is sub, and a secret", &entra.free.token(&object)).await;
    let nearly = [
        ("no scp alone", bare.clone()),
        ("roles, no scp", with(bare.clone(), "roles", json!(["Customers.Read.All"]))),
        ("idtyp user", with(object.clone(), "idtyp", json!("user"))),
        ("a public client", with(object.clone(), "azpacr", json!("0"))),
        ("both acr claims", with(object.clone(), "appidacr", json!("1"))),
        ("sub of another", with(object.clone(), "sub", json!("x"))),
        ("a user's name", with(object.clone(), "upn", json!("x@y"))),
        ("an empty scp", with(object, "scp", json!(""))),
    ];
    for (what, claims) in nearly {
        let answer = entra.gateway.get("/v1/customers", &entra.free.token(&claims)).await;
        assert_eq!((answer.code(), answer.refusal().as_str()), (401, "amr_absent"), "{what}");
    }
}
