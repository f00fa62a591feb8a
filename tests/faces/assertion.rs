//! The signed assertion of who calls.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{CONFIG, KINDS, Kind};
use crate::support::gateway::START;
use crate::support::{Call, Gateway, Http1, World};

async fn gateway(directory: &tempfile::TempDir) -> Gateway {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = AsDer::as_der(&key.private_key())
        .map(|der: aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_>| STANDARD.encode(der.as_ref()));
    let path = directory.path().join("assertion.key");
    std::fs::write(&path, format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", der.unwrap()))
        .unwrap();
    let section =
        format!("assertion: {{ key_files: [\"{}\"], audience: partner-api, lifetime: 30s }}\n", path.display());
    let text = CONFIG
        .replace("peers: {", "assertion: true, peers: {")
        .replace("{ name: api,", "{ name: api, assertion: true,")
        + &section;
    World::new().await.gateway(&text).await
}

fn part(token: &str, at: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()
}

/// Verifies an assertion with the published keys, and returns its claims.
fn verified(token: &str, keys: &Value) -> Value {
    let header: Value = serde_json::from_slice(&part(token, 0)).unwrap();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let point = ["x", "y"].map(|name| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap()).concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], point].concat());
    let signed = token.rsplit_once('.').unwrap().0;
    public.verify(signed.as_bytes(), &part(token, 2)).unwrap();
    serde_json::from_slice(&part(token, 1)).unwrap()
}

#[tokio::test]
async fn a_permit_has_an_assertion_that_the_published_keys_verify() {
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(&directory).await;
    let (user, application) = (gateway.jane(), gateway.world.provider.app_token());
    for kind in KINDS {
        let keys = Http1::connect(kind.address(&gateway)).await.send(&Call::get("/.well-known/jwks.json")).await.json();
        assert!(keys["keys"][0].get("d").is_none());
        let of = async |token: &str| {
            let fields = [("authorization", format!("Bearer {token}")), ("mfa-assertion", "forged".to_owned())];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            verified(kind.ask(&gateway, "GET", "/v1/x", &fields).await.header("mfa-assertion").unwrap(), &keys)
        };
        let claims = of(&user).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&"mfa-gateway".into(), &"partner-api".into()));
        assert_eq!(claims["exp"], START.as_secs() + 30);
        assert_eq!((&claims["sub"], &claims["amr"][1]), (&claims["oid"], &"mfa".into()), "{claims}");
        let claims = of(&application).await;
        assert_eq!((&claims["sub"], claims.get("oid")), (&claims["client_id"], None), "{claims}");
        // The application's id is never taken for that of a user who has none.
        let nameless = gateway.changed(|claims| {
            for name in ["sub", "oid"] {
                claims.as_object_mut().unwrap().remove(name);
            }
        });
        let credential = format!("Bearer {nameless}");
        let permit = kind.ask(&gateway, "GET", "/v1/x", &[("authorization", &credential)]).await;
        assert_eq!(permit.code(), 200, "{kind:?}");
        assert!(permit.header("mfa-assertion").is_none_or(str::is_empty), "{kind:?}");
        let public = kind.ask(&gateway, "GET", "/healthz", &[("mfa-assertion", "forged")]).await;
        assert!(public.header("mfa-assertion").is_none_or(str::is_empty));
        assert_eq!(kind.ask(&gateway, "GET", "/v1/x", &[]).await.header("mfa-assertion"), None);
    }
    let forged = [("MFA_Assertion", "forged"), ("HTTP_MFA_ASSERTION", "forged"), ("HTTP-MFA-Assertion", "forged")];
    let public = Kind::EnvoyHttp.ask(&gateway, "GET", "/healthz", &forged).await;
    let removed: Vec<_> = public.header("x-envoy-auth-headers-to-remove").unwrap().split(',').collect();
    for name in ["mfa_assertion", "mfa-assertion", "http_mfa_assertion", "http-mfa-assertion"] {
        assert!(removed.contains(&name), "{name}: {removed:?}");
    }
}

#[tokio::test]
async fn a_forwarded_request_has_an_assertion_that_the_published_keys_verify() {
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(&directory).await;
    let keys = gateway.admin("/.well-known/jwks.json").await.json();
    let forged = |call: Call| call.header("mfa-assertion", "forged").header("mfa_assertion", "forged");
    assert_eq!(gateway.send(&forged(Call::get("/v1/x").bearer(&gateway.jane()))).await.code(), 200);
    let seen = gateway.world.upstream.seen();
    let claims = verified(seen.last().unwrap().header("mfa-assertion").unwrap(), &keys);
    assert_eq!(
        (&claims["aud"], &claims["sub"], &claims["grounds"]),
        (&"partner-api".into(), &claims["oid"], &"mfa".into())
    );
    assert_eq!(gateway.send(&forged(Call::get("/healthz"))).await.code(), 200);
    assert_eq!(gateway.world.upstream.seen().last().unwrap().header("mfa-assertion"), None);
}

#[tokio::test]
async fn nothing_is_published_where_nothing_is_signed() {
    let gateway = World::new().await.gateway(CONFIG).await;
    assert_eq!(gateway.admin("/.well-known/jwks.json").await.code(), 404);
}
