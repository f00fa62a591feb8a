//! Who counts as signed in with MFA, and who as no user at all (9 and 10).

use serde_json::{Value, json};

use super::probe::{Expected, ISSUER, Probe, claims};
use crate::support::gateway::{AUDIENCE, CONFIG, START};
use crate::support::rule::with;
use crate::support::{Gateway, Signer};

use Expected::{Invalid, NoMfa, Permitted};

#[tokio::test]
async fn s09_mfa_is_one_exact_element_of_an_array_of_strings() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let long: Vec<String> = (0..200).map(|at| format!("m{at}")).chain(["mfa".to_owned()]).collect();
    for amr in [json!(["mfa"]), json!(["pwd", "mfa"]), json!(["mfa", "mfa"]), json!(["", "mfa"]), json!(long)] {
        probe.token(format!("amr {amr}"), &signer.token(&with(claims(), "amr", amr.clone())), Permitted).await;
    }
    let spellings = [
        "MFA",
        "Mfa",
        "mfA",
        "mfa ",
        " mfa",
        "mfa\0",
        "\0mfa",
        "mfa\n",
        "m.f.a",
        "mfa,pwd",
        "pwd,mfa",
        "pwd mfa",
        "mfa;",
        "mfaa",
        "amfa",
        "mf",
        "mfa1",
        "wiaormfa",
        "ngcmfa",
        "nomfa",
        "not-mfa",
        "!mfa",
        "mfa=false",
        "\"mfa\"",
        "[\"mfa\"]",
        "['mfa']",
        "bWZh",
        "%6dfa",
        "\\u006dfa",
        "m\u{200b}fa",
        "\u{ff4d}\u{ff46}\u{ff41}",
        "mf\u{430}",
        "mfa\u{301}",
        "\u{feff}mfa",
        "mfa\u{202e}",
        "",
        "*",
        "otp",
        "true",
        "1",
        "2fa",
        "multi",
        "hwk",
        "fido",
        "http://schemas.microsoft.com/claims/multipleauthn",
        "urn:mfa",
    ];
    for text in spellings {
        let shapes = [
            json!([text]),
            json!(["pwd", text]),
            json!(text),
            json!({text: true}),
            json!([[text]]),
            json!([{"mfa": text}]),
        ];
        for amr in shapes {
            probe.token(format!("amr {amr}"), &signer.token(&with(claims(), "amr", amr.clone())), NoMfa).await;
        }
    }
    let shapes = [
        json!("mfa"),
        json!(["mfa", 1]),
        json!(["mfa", null]),
        json!(["mfa", true]),
        json!(["mfa", ["mfa"]]),
        json!(["mfa", {}]),
        json!([["mfa"]]),
        json!({"mfa": true}),
        json!({"mfa": 1}),
        json!({"0": "mfa"}),
        json!({"length": 1, "0": "mfa"}),
        json!([{"amr": "mfa"}]),
        json!({"amr": ["mfa"]}),
        json!({"any": ["mfa"]}),
        json!([]),
        json!({}),
        json!(null),
        json!(true),
        json!(1),
        json!(0),
        json!([null]),
        json!([true]),
        json!([1]),
    ];
    for amr in shapes {
        probe.token(format!("amr {amr}"), &signer.token(&with(claims(), "amr", amr.clone())), NoMfa).await;
    }
}

#[tokio::test]
async fn s09_no_other_place_and_no_other_name_proves_mfa() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let mut bare = claims();
    bare.as_object_mut().unwrap().remove("amr");
    probe.token("no amr", &signer.token(&bare), NoMfa).await;
    let names = [
        "AMR",
        "Amr",
        "aMr",
        "amr ",
        " amr",
        "amr\0",
        "amrs",
        "amr[]",
        "amr[0]",
        "amr.0",
        "_amr",
        "acr",
        "acrs",
        "mfa",
        "MFA",
        "authnmethodsreferences",
        "authnMethodsReferences",
        "authenticationMethod",
        "http://schemas.microsoft.com/claims/authnmethodsreferences",
        "auth_methods",
        "ext_amr",
        "upstream_amr",
        "amr_values",
        "claims",
        "\u{430}mr",
        "am\u{301}r",
        "__proto__",
        "constructor",
        "xms_amr",
    ];
    for name in names {
        for value in [json!(["mfa"]), json!("mfa"), json!(["pwd", "mfa"]), json!({"amr": ["mfa"]}), json!(true)] {
            let both = with(with(bare.clone(), name, value.clone()), "amr", json!(["pwd"]));
            probe.token(format!("{name:?} {value} beside amr"), &signer.token(&both), NoMfa).await;
            probe.token(format!("{name:?} {value}"), &signer.token(&with(bare.clone(), name, value)), NoMfa).await;
        }
        let header = with(signer.header(), name, json!(["mfa"]));
        probe.token(format!("{name:?} in the header"), &signer.sign(&header, &bare), NoMfa).await;
    }
    let header = with(signer.header(), "amr", json!(["mfa"]));
    probe.token("amr in the header", &signer.sign(&header, &bare), NoMfa).await;
    for name in ["scp", "roles", "groups", "wids", "acct", "name", "sub"] {
        let value = if matches!(name, "roles" | "groups" | "wids") { json!(["mfa"]) } else { json!("mfa") };
        probe.token(format!("mfa in {name}"), &signer.token(&with(bare.clone(), name, value)), NoMfa).await;
    }
    // The same text by another spelling of JSON is the same text.
    let text = with(bare.clone(), "amr", json!(["mfa"])).to_string().replace("\"mfa\"", "\"\\u006d\\u0066a\"");
    probe.token("mfa, escaped", &signer.sign_text(signer.header().to_string(), text), Permitted).await;
}

#[tokio::test]
async fn s09_the_configured_value_is_what_counts() {
    let rule = "mfa_evidence: { any: [{ claim: amr, contains: otp }, { claim: acr, equals: \"2\" }] }, audiences:";
    let mut probe = Probe::of(Gateway::with(&CONFIG.replace("audiences:", rule)).await);
    for (name, value, expected) in [
        ("amr", json!(["otp"]), Permitted),
        ("amr", json!(["mfa"]), NoMfa),
        ("amr", json!(["OTP"]), NoMfa),
        ("amr", json!("otp"), NoMfa),
        ("amr", json!(["otp", 1]), NoMfa),
        ("acr", json!("2"), Permitted),
        ("acr", json!(2), NoMfa),
        ("acr", json!(["2"]), NoMfa),
        ("acr", json!("2 "), NoMfa),
        ("acr", json!("2.0"), NoMfa),
        ("acr", json!(true), NoMfa),
    ] {
        let token = probe.gateway.changed(|claims| {
            claims.as_object_mut().unwrap().remove("amr");
            claims[name] = value.clone();
        });
        probe.token(format!("{name} {value}"), &token, expected).await;
    }
}

/// The claims of an application alone, as each kind of issuer writes them.
fn applications() -> [(&'static str, Value); 3] {
    let common = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": START.as_secs() + 3600});
    let and = |more: Value| {
        let mut all = common.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    [
        ("idtyp", and(json!({"idtyp": "app", "appid": "a", "oid": "o", "sub": "o", "appidacr": "1", "roles": ["r"]}))),
        ("Entra's", and(json!({"appid": "a", "oid": "o", "sub": "o", "appidacr": "1", "roles": ["r"]}))),
        ("RFC 9068's", and(json!({"client_id": "c", "sub": "c", "scope": "read"}))),
    ]
}

#[tokio::test]
async fn s10_any_sign_of_a_user_makes_an_application_none() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let signs = [
        "scp",
        "upn",
        "unique_name",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "email",
        "ipaddr",
        "auth_time",
        "nonce",
        "at_hash",
        "sid",
        "acrs",
        "puid",
        "altsecid",
        "login_hint",
        "onprem_sid",
        "deviceid",
        "pwd_exp",
        "username",
        "user_id",
        "uid",
        "act",
        "may_act",
        "session_state",
        "phone_number",
        "emails",
        "mail",
        "cognito:username",
    ];
    for (kind, base) in applications() {
        probe.token(kind, &signer.token(&base), Permitted).await;
        for name in signs {
            for value in
                [json!(null), json!(""), json!([]), json!({}), json!(false), json!(0), json!("x"), json!(["x"])]
            {
                probe
                    .denied(format!("{kind} with {name} {value}"), &signer.token(&with(base.clone(), name, value)))
                    .await;
            }
            let capital = with(base.clone(), &name.to_uppercase(), json!("x"));
            probe.denied(format!("{kind} with {} in capitals", name.to_uppercase()), &signer.token(&capital)).await;
        }
        for amr in [
            json!(["mfa "]),
            json!(["pwd", "otp"]),
            json!([]),
            json!("pwd"),
            json!(null),
            json!(["pwd", 1]),
            json!(["hwk"]),
            json!({}),
        ] {
            probe.denied(format!("{kind} with amr {amr}"), &signer.token(&with(base.clone(), "amr", amr))).await;
        }
    }
}

#[tokio::test]
async fn s10_what_is_mixed_missing_or_oddly_typed_is_treated_as_a_user() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    for (kind, base) in applications() {
        for name in ["oid", "sub", "appid", "azp", "client_id", "appidacr", "azpacr", "idtyp", "scope"] {
            let odd = [
                json!(null),
                json!(true),
                json!(1),
                json!(["o"]),
                json!({"o": "o"}),
                json!(""),
                json!("other"),
                json!("0"),
                json!("o "),
            ];
            for value in odd {
                let changed = with(base.clone(), name, value.clone());
                // An application may have any id, and any scope where its issuer writes scopes.
                let text = value.as_str().is_some_and(|text| !text.is_empty());
                let harmless = match name {
                    "appid" => text && kind != "RFC 9068's",
                    "scope" => value.is_string() && kind == "RFC 9068's",
                    _ => false,
                };
                if !harmless {
                    probe.denied(format!("{kind} with {name} {value}"), &signer.token(&changed)).await;
                }
            }
        }
        for (name, value) in [
            ("idtyp", "user"),
            ("idtyp", "App"),
            ("idtyp", "APP"),
            ("idtyp", "app "),
            ("idtyp", "device"),
            ("IDTYP", "app"),
            ("Oid", "o"),
            ("scope", "openid"),
            ("scope", "read OpenID"),
        ] {
            probe
                .denied(format!("{kind} with {name} {value:?}"), &signer.token(&with(base.clone(), name, json!(value))))
                .await;
        }
    }
    // No `scp` proves nothing, and neither do roles.
    let mut user = claims();
    for name in ["amr", "scp", "auth_time", "name"] {
        user.as_object_mut().unwrap().remove(name);
    }
    for (name, value) in [
        ("x", json!(1)),
        ("roles", json!(["r"])),
        ("wids", json!(["w"])),
        ("groups", json!([])),
        ("appidacr", json!("1")),
        ("azpacr", json!("2")),
        ("app_only", json!(true)),
        ("gty", json!("client-credentials")),
        ("grant_type", json!("client_credentials")),
    ] {
        probe
            .token(format!("a bare user with {name} {value}"), &signer.token(&with(user.clone(), name, value)), NoMfa)
            .await;
    }
    probe.token("a bare user with idtyp app", &signer.token(&with(user.clone(), "idtyp", json!("app"))), Invalid).await;
    // A user with MFA is one, whatever else the token claims to be.
    probe
        .token("a user with MFA and appidacr", &signer.token(&with(claims(), "appidacr", json!("1"))), Permitted)
        .await;
    probe.token("a user with MFA and idtyp app", &signer.token(&with(claims(), "idtyp", json!("app"))), Invalid).await;
}
