//! Types of claims count where the claims decide something, and only there (4).

use serde_json::json;

use super::claims::of_every_type;
use super::probe::{Expected, Probe, claims};
use crate::support::gateway::CONFIG;
use crate::support::rule::with;
use crate::support::{Gateway, Signer};

use Expected::{NoMfa, Permitted};

#[tokio::test]
async fn s04_a_claim_that_decides_nothing_for_an_issuer_may_have_any_json_type() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    // Of a user with MFA, whose tenant, version, roles and assurance nobody asks for.
    let unread = [
        "ver",
        "jti",
        "acr",
        "acrs",
        "auth_time",
        "azpacr",
        "cid",
        "email_verified",
        "groups",
        "gty",
        "idp",
        "name",
        "roles",
        "scope",
        "scp",
        "sid",
        "token_use",
        "uid",
        "wids",
        "xms_cc",
    ];
    for name in unread {
        for value in of_every_type() {
            let token = signer.token(&with(claims(), name, value.clone()));
            probe.token(format!("{name} {value}"), &token, Permitted).await;
        }
    }
}

#[tokio::test]
async fn s04_a_claim_that_could_deny_mfa_and_cannot_be_read_is_no_mfa() {
    let rule = "mfa_evidence: { any: [{ claim: amr, contains: mfa }], deny: [{ claim: via, equals: bypass }, \
                { claim: [auth, how], contains: bypass }] }, audiences:";
    let mut probe = Probe::of(Gateway::with(&CONFIG.replace("audiences:", rule)).await);
    for (name, value, expected) in [
        ("via", json!("otp"), Permitted),
        ("auth", json!({"how": ["otp"]}), Permitted),
        ("auth", json!({}), Permitted),
        ("via", json!("bypass"), NoMfa),
        ("via", json!(["bypass"]), NoMfa),
        ("via", json!(["otp"]), NoMfa),
        ("via", json!(null), NoMfa),
        ("auth", json!({"how": "bypass"}), NoMfa),
        ("auth", json!({"how": ["bypass", 1]}), NoMfa),
        ("auth", json!(["how", "bypass"]), NoMfa),
        ("auth", json!("bypass"), NoMfa),
    ] {
        let token = probe.gateway.changed(|claims| claims[name] = value.clone());
        probe.token(format!("{name} {value}"), &token, expected).await;
    }
}
