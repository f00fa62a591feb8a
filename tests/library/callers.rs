//! The callers of the decision matrix, as requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::matrix;
use crate::support::Signer;
use crate::support::gateway::START as NOW;
use crate::support::rule::{SIGNER, application, user, with};

pub(super) const TENANT: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
pub(super) const APPLICATION: &str = "1c2f4f0a-52a6-4ad7-a5b4-6f4c5d1d3a11";
pub(super) const VENDOR: &str = "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4";

/// An issuer whose keys nobody can fetch.
pub(super) const DOWN: &str = "https://down.example/";

/// The `Authorization` fields of a caller, by its name in the matrix.
pub(super) fn callers() -> BTreeMap<&'static str, Option<String>> {
    let bearer = |token: String| Some(format!("Bearer {token}"));
    let signed = |claims: &Value| bearer(SIGNER.token(claims));
    let user = || with(with(user(), "tid", json!(TENANT)), "appid", json!(APPLICATION));
    let app = |id| with(application(id), "tid", json!(TENANT));
    let signed_in = || with(user(), "auth_time", json!(NOW.as_secs()));
    let of = |amr: Value| signed(&with(signed_in(), "amr", amr));
    let mfa = json!(["pwd", "mfa"]);
    let at = |time: i64| signed(&with(with(user(), "auth_time", json!(time)), "amr", json!(["mfa"])));
    let changed = |name: &str, value: Value| signed(&with(with(signed_in(), "amr", json!(["mfa"])), name, value));
    let two = [with(signed_in(), "amr", json!(["mfa"])), user()].map(|claims| signed(&claims).unwrap()).join(", ");
    let anonymous = {
        let mut claims = app("");
        claims.as_object_mut().unwrap().remove("appid");
        claims
    };
    BTreeMap::from([
        ("no credential", None),
        ("two tokens in one field", Some(two)),
        ("a signature that doesn't fit", bearer(Signer::es256("k").token(&user()))),
        ("an expired token", changed("exp", json!(NOW.as_secs() - 61))),
        ("a token for another audience", changed("aud", json!("https://other.example"))),
        ("keys that are unavailable", bearer(Signer::es256("other").token(&with(user(), "iss", json!(DOWN))))),
        ("idtyp app, and scp", signed(&with(app(APPLICATION), "scp", json!("x")))),
        ("amr [pwd, mfa]", of(mfa)),
        ("amr [mfa], expired since its verification", changed("exp", json!(NOW.as_secs() - 60))),
        ("amr [mfa], another tenant", changed("tid", json!("1d6f3ab7-9c58-4e02-87b4-e0a2c5d91f36"))),
        ("amr [mfa], signed in 15 min and 1 s ago", at(NOW.as_secs() - 901)),
        ("amr [mfa], signed in 61 s ahead of the clock", at(NOW.as_secs() + 61)),
        ("amr [mfa], no auth_time", signed(&with(user(), "amr", json!(["mfa"])))),
        ("amr [pwd]", of(json!(["pwd"]))),
        ("amr []", of(json!([]))),
        ("amr [wiaormfa]", of(json!(["wiaormfa"]))),
        ("amr [MFA]", of(json!(["MFA"]))),
        ("amr \"mfa\", a string", of(json!("mfa"))),
        ("amr [mfa, 1], not all strings", of(json!(["mfa", 1]))),
        ("no amr; acr mfa", signed(&with(signed_in(), "acr", json!("mfa")))),
        ("amr [mfa, bypass], bypass is denied", of(json!(["mfa", "bypass"]))),
        ("of its own", signed(&app(APPLICATION))),
        ("a control panel vendor's", signed(&app(VENDOR))),
        ("without an id", signed(&anonymous)),
        ("of another tenant", signed(&with(app(APPLICATION), "tid", json!("1d6f3ab7-9c58-4e02-87b4-e0a2c5d91f36")))),
        ("amr [pwd]: it showed a secret", signed(&with(app(APPLICATION), "amr", json!(["pwd"])))),
    ])
}

#[test]
fn every_caller_of_the_matrix_is_here() {
    let of_matrix: BTreeSet<_> = matrix::callers().iter().map(|caller| caller.evidence).collect();
    assert_eq!(callers().into_keys().collect::<BTreeSet<_>>(), of_matrix);
}
