//! The claims of the tokens, in the shape of Entra's v1 tokens (the mission's "Partner Center API" section).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::grants::{SignIn, secret};
use super::keys::sha256;
use super::shape::Manner;
use crate::people::{Client, DAEMON_ROLE, DEFAULT_AUDIENCE, PUBLIC_CLIENT_ID, Person};
use crate::tenants::Tenant;
use mfa_gateway_core::clock::Timestamp;

/// How long a token is good for.
pub(crate) const LIFETIME: Duration = Duration::from_hours(1);

/// How long a logout token is good for.
const LOGOUT_LIFETIME: Duration = Duration::from_mins(2);

/// What may differ between two access tokens of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOptions {
    /// The application that calls, `appid`.
    pub client_id: String,
    /// The API that is called, `aud`.
    pub audience: String,
    /// When the person signed in, `auth_time`; `None` is now.
    pub auth_time: Option<Timestamp>,
    /// How long the token is good for.
    pub lifetime: Duration,
    /// The tenant that the person signed in to; `None` is their own.
    pub tenant: Option<Tenant>,
}

impl Default for TokenOptions {
    /// A token of the public application for the Partner Center API, good for an hour, of a sign-in just now.
    fn default() -> Self {
        Self {
            client_id: PUBLIC_CLIENT_ID.to_owned(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            auth_time: None,
            lifetime: LIFETIME,
            tenant: None,
        }
    }
}

/// The claims of an App+User access token.
pub(crate) fn access_claims(issuer: &str, person: &Person, options: &TokenOptions, now: Timestamp) -> Value {
    let mut claims = json!({
        "aud": options.audience,
        "iss": issuer,
        "iat": now.as_secs(),
        "nbf": now.as_secs(),
        "exp": now.plus(options.lifetime).as_secs(),
        "acr": "1",
        "appid": options.client_id,
        "appidacr": Client::find(&options.client_id).map_or("0", |client| client.appidacr()),
        "auth_time": options.auth_time.unwrap_or(now).as_secs(),
        "family_name": person.family_name,
        "given_name": person.given_name,
        "name": person.name(),
        "oid": person.object_id,
        "scp": "user_impersonation",
        "sub": subject(person, &options.client_id),
        "unique_name": person.upn,
        "upn": person.upn,
        "ver": "1.0",
    });
    add_tenant(&mut claims, person, options.tenant);
    add_amr(&mut claims, person);
    add_roles(&mut claims, person);
    add_unique_id(&mut claims);
    claims
}

/// The claims of a program's app-only token: positive proof of an application, and nothing of a user.
pub(crate) fn app_claims(issuer: &str, client: Client, tenant: &str, audience: &str, now: Timestamp) -> Value {
    let principal = client.principal.unwrap_or_default();
    let mut claims = json!({
        "aud": audience,
        "iss": issuer,
        "iat": now.as_secs(),
        "nbf": now.as_secs(),
        "exp": now.plus(LIFETIME).as_secs(),
        "appid": client.id,
        "appidacr": "1",
        "idtyp": "app",
        "oid": principal,
        "roles": [DAEMON_ROLE],
        "sub": principal,
        "tid": tenant,
        "ver": "1.0",
    });
    add_unique_id(&mut claims);
    claims
}

/// The claims of an ID token (OpenID Connect Core §2), in the manner of the endpoint that was asked. The profile is
/// always in it: there is no user-info endpoint.
pub(crate) fn id_claims(issuer: &str, sign_in: &SignIn, access_token: &str, now: Timestamp) -> Value {
    let person = &sign_in.person;
    let mut claims = json!({
        "iss": issuer,
        "sub": subject(person, sign_in.client.id),
        "aud": sign_in.client.id,
        "iat": now.as_secs(),
        "nbf": now.as_secs(),
        "exp": now.plus(LIFETIME).as_secs(),
        "auth_time": sign_in.time.as_secs(),
        "at_hash": half_hash(access_token),
        "family_name": person.family_name,
        "given_name": person.given_name,
        "name": person.name(),
        "login_hint": person.login_hint(),
        "oid": person.object_id,
        "sid": sign_in.sid,
    });
    add_tenant(&mut claims, person, sign_in.shape.tenant);
    if let Some(nonce) = &sign_in.nonce {
        claims["nonce"] = json!(nonce);
    }
    match sign_in.shape.manner {
        Manner::Generic => {
            claims["acr"] = json!(sign_in.acr);
            claims["email"] = json!(person.upn);
            claims["preferred_username"] = json!(person.upn);
            add_amr(&mut claims, person);
        }
        Manner::V1 => {
            claims["unique_name"] = json!(person.upn);
            claims["upn"] = json!(person.upn);
            claims["ver"] = json!("1.0");
            add_amr(&mut claims, person);
        }
        // Entra's v2 endpoint leaves amr out: what it proves is in acrs.
        Manner::V2 => {
            claims["preferred_username"] = json!(person.upn);
            claims["ver"] = json!("2.0");
        }
    }
    if !sign_in.acrs.is_empty() {
        claims["acrs"] = json!(sign_in.acrs);
    }
    add_roles(&mut claims, person);
    claims
}

/// The claims of a logout token (OpenID Connect Back-Channel Logout §2.4) for one session.
pub(crate) fn logout_claims(issuer: &str, person: &Person, client_id: &str, sid: &str, now: Timestamp) -> Value {
    json!({
        "iss": issuer,
        "sub": subject(person, client_id),
        "aud": client_id,
        "iat": now.as_secs(),
        "exp": now.plus(LOGOUT_LIFETIME).as_secs(),
        "jti": secret::<16>().unwrap_or_default(),
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        "sid": sid,
    })
}

/// Adds the tenant, the home, and as Entra does `idp` for somebody who is a guest.
fn add_tenant(claims: &mut Value, person: &Person, tenant: Option<Tenant>) {
    claims["tid"] = json!(tenant.map_or(person.tenant_id.as_str(), |tenant| tenant.id));
    claims["home_tid"] = json!(person.tenant_id);
    if claims["tid"] != person.tenant_id {
        claims["idp"] = json!(format!("https://sts.windows.net/{}/", person.tenant_id));
    }
}

fn add_amr(claims: &mut Value, person: &Person) {
    if let Some(amr) = &person.amr {
        claims["amr"] = json!(amr);
    }
}

/// Adds the groups and the directory roles, as Entra does on request (`groupMembershipClaims`).
fn add_roles(claims: &mut Value, person: &Person) {
    for (name, values) in [("groups", &person.groups), ("wids", &person.wids)] {
        if !values.is_empty() {
            claims[name] = json!(values);
        }
    }
}

/// Adds Entra's `uti`, so that two tokens of one second are two tokens.
fn add_unique_id(claims: &mut Value) {
    if let Ok(id) = secret::<16>() {
        claims["uti"] = json!(id);
    }
}

/// A subject that differs from application to application (OpenID Connect Core §8.1), as Entra's does.
fn subject(person: &Person, client_id: &str) -> String {
    sha256(format!("{}/{}/{client_id}", person.tenant_id, person.object_id).as_bytes())
}

/// The left half of the SHA-256 of an access token (OpenID Connect Core §3.1.3.6).
fn half_hash(access_token: &str) -> String {
    let hash = digest(&SHA256, access_token.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{ADMIN_AGENTS, BILLING_ADMINISTRATOR, CONFIDENTIAL_CLIENT_ID, CONTOSO, bill, casey, jane};

    const ISSUER: &str = "http://127.0.0.1:9/";
    const NOW: Timestamp = Timestamp::from_secs(1_549_088_552);

    #[test]
    fn an_app_token_has_nothing_of_a_user() {
        let client = Client::find(CONFIDENTIAL_CLIENT_ID).unwrap();
        let claims = app_claims(ISSUER, client, CONTOSO, DEFAULT_AUDIENCE, NOW);
        assert_eq!((&claims["idtyp"], &claims["appidacr"]), (&json!("app"), &json!("1")));
        assert_eq!(claims["oid"], claims["sub"]);
        for absent in ["scp", "amr", "upn", "unique_name", "name", "given_name", "family_name", "auth_time"] {
            assert!(claims.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn a_user_token_tells_the_sign_in() {
        let options = TokenOptions { auth_time: Some(Timestamp::from_secs(7)), ..TokenOptions::default() };
        let claims = access_claims(ISSUER, &jane(), &options, NOW);
        assert_eq!(claims["amr"], json!(["pwd", "mfa"]));
        assert_eq!((&claims["auth_time"], &claims["exp"]), (&json!(7), &json!(1_549_092_152)));
        assert_ne!(claims["sub"], claims["oid"]);
        assert!(access_claims(ISSUER, &casey(), &options, NOW).get("amr").is_none());
    }

    #[test]
    fn groups_and_directory_roles_are_claims_of_those_who_have_them() {
        let claims = |person| access_claims(ISSUER, &person, &TokenOptions::default(), NOW);
        assert_eq!(claims(jane())["groups"], json!([ADMIN_AGENTS]));
        assert_eq!(claims(bill())["wids"], json!([BILLING_ADMINISTRATOR]));
        assert_eq!((claims(bill()).get("groups"), claims(jane()).get("wids")), (None, None));
    }

    #[test]
    fn at_hash_is_half_as_long_as_the_digest() {
        assert_eq!(URL_SAFE_NO_PAD.decode(half_hash("token")).unwrap().len(), 16);
    }
}
