//! Which claims make a token valid (4 to 6).

use serde_json::{Value, json};

use super::probe::{Expected, ISSUER, Probe, claims};
use crate::support::gateway::{AUDIENCE, CONFIG, START, user_claims};
use crate::support::rule::with;
use crate::support::signer::key_set;
use crate::support::{Gateway, Recorder, Signer, World};

use Expected::{Invalid, Permitted};

/// A value of each JSON type, in forms that careless code takes for another.
pub(super) fn of_every_type() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(4_000_000_000_u64),
        json!(""),
        json!("x"),
        json!("0"),
        json!("4000000000"),
        json!("null"),
        json!([]),
        json!([null]),
        json!(["x"]),
        json!([4_000_000_000_u64]),
        json!([["x"]]),
        json!({}),
        json!({"x": 1}),
        json!({"value": "x"}),
    ]
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn s04_a_claim_of_the_wrong_json_type_makes_the_token_invalid() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    for name in ["iss", "aud", "exp", "nbf", "iat", "sub", "oid", "tid", "appid", "azp", "client_id"] {
        for value in of_every_type() {
            let right = match name {
                "aud" => value.is_string() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
                "exp" | "nbf" | "iat" => value.is_number(),
                _ => value.is_string(),
            };
            if !right {
                let token = signer.token(&with(claims(), name, value.clone()));
                probe.token(format!("{name} {value}"), &token, Invalid).await;
            }
        }
    }
    for (name, value) in [
        ("iss", json!([ISSUER])),
        ("iss", json!({"iss": ISSUER})),
        ("aud", json!([[AUDIENCE]])),
        ("aud", json!({"aud": AUDIENCE})),
        ("aud", json!([AUDIENCE, null])),
        ("aud", json!([AUDIENCE, 1])),
        ("aud", json!({AUDIENCE: true})),
        ("sub", json!(["subject"])),
    ] {
        probe.token(format!("{name} {value}"), &signer.token(&with(claims(), name, value)), Invalid).await;
    }
}

#[tokio::test]
async fn s04_issuer_audience_and_expiry_are_required_under_their_very_names() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    for name in ["iss", "aud", "exp"] {
        let bare = without(claims(), name);
        probe.token(format!("no {name}"), &signer.token(&bare), Invalid).await;
        for other in
            [name.to_uppercase(), format!("{name} "), format!(" {name}"), format!("{name}s"), format!("{name}\0")]
        {
            let moved = with(bare.clone(), &other, claims()[name].clone());
            probe.token(format!("{other:?} for {name}"), &signer.token(&moved), Invalid).await;
        }
        let header = with(signer.header(), name, claims()[name].clone());
        probe.token(format!("{name} in the header"), &signer.sign(&header, &bare), Invalid).await;
        let inside = with(bare, "claims", json!({name: claims()[name]}));
        probe.token(format!("{name} within a claim"), &signer.token(&inside), Invalid).await;
    }
    probe.token("no claim at all", &signer.token(&json!({})), Invalid).await;
    for name in ["nbf", "iat", "sub", "oid", "appid", "scp", "auth_time", "name"] {
        probe.token(format!("no {name}"), &signer.token(&without(claims(), name)), Permitted).await;
    }
}

#[tokio::test]
async fn s05_issuer_and_audience_are_compared_as_exact_strings() {
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    for text in [ISSUER, AUDIENCE] {
        let name = if text == ISSUER { "iss" } else { "aud" };
        let host = text.trim_end_matches('/').trim_start_matches("https://");
        let others = [
            text.to_uppercase(),
            text.replace("https", "HTTPS"),
            text.replace("https", "http"),
            format!("{text}/"),
            format!("{text}//"),
            format!("{text} "),
            format!(" {text}"),
            format!("{text}\n"),
            format!("{text}\0"),
            format!("{text}?"),
            format!("{text}#"),
            format!("{text}.evil.example"),
            format!("{text},{text}"),
            format!("{text} {text}"),
            host.to_owned(),
            format!("//{host}"),
            format!("https://{host}:443/"),
            format!("https://{host}@evil.example/"),
            format!("https://evil.example/{text}"),
            format!("https://{host}/../"),
            format!("https://{host}/%2e"),
            text.replace('.', "%2E"),
            text.replace('e', "\u{435}"),
            text.chars().take(text.len() - 2).collect(),
            String::new(),
            "*".to_owned(),
            "https://*".to_owned(),
            "{tenantid}".to_owned(),
        ];
        for other in others.iter().filter(|other| *other != text) {
            probe.token(format!("{name} {other:?}"), &signer.token(&with(claims(), name, json!(other))), Invalid).await;
            if name == "aud" {
                let list = with(claims(), name, json!([other, "x"]));
                probe.token(format!("{name} [{other:?}]"), &signer.token(&list), Invalid).await;
            }
        }
    }
    for aud in [json!([]), json!(["x"]), json!([["x"], AUDIENCE]), json!([AUDIENCE, {}])] {
        probe.token(format!("aud {aud}"), &signer.token(&with(claims(), "aud", aud.clone())), Invalid).await;
    }
    for aud in [json!([AUDIENCE]), json!(["x", AUDIENCE]), json!([AUDIENCE, AUDIENCE]), json!(["", AUDIENCE])] {
        probe.token(format!("aud {aud}"), &signer.token(&with(claims(), "aud", aud.clone())), Permitted).await;
    }
}

const CONTOSO: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
const FABRIKAM: &str = "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25";

/// Entra's two kinds of issuer, all on one key, as Entra's tenants share theirs.
const ENTRA: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers:
  - name: entra
    entra: { cloud: global, tenants: [df845f1a-7b35-40a2-ba78-6481de91f8ae] }
    jwks_uri: \"${KEYS}\"
    audiences: [https://api.partnercenter.microsoft.com]
    algorithms: [ES256]
upstreams: [{ name: api, endpoints: [\"${UPSTREAM}\"] }]
routes: [{ prefix: /v1/, upstream: api }]
";

#[tokio::test]
async fn s05_a_tenant_s_tokens_are_no_other_tenant_s_though_they_share_the_key() {
    let signer = Signer::es256("shared");
    let keys = Recorder::key_set(key_set(&[signer.jwk()])).await;
    let mut probe = Probe::of(World::new().await.with("KEYS", &keys.url()).gateway(ENTRA).await);
    let of = |issuer: String, tid: Value, ver: &str| {
        let mut claims = user_claims(&issuer);
        (claims["tid"], claims["ver"]) = (tid, json!(ver));
        claims
    };
    let issuers = |tenant: &str| {
        [
            (format!("https://sts.windows.net/{tenant}/"), "1.0"),
            (format!("https://login.microsoftonline.com/{tenant}/v2.0"), "2.0"),
        ]
    };
    for (issuer, ver) in issuers(CONTOSO) {
        probe.token(&issuer, &signer.token(&of(issuer.clone(), json!(CONTOSO), ver)), Permitted).await;
        let tids = [
            json!(FABRIKAM),
            json!(CONTOSO.to_uppercase()),
            json!(format!("{CONTOSO} ")),
            json!(""),
            json!("common"),
            json!(null),
            json!([CONTOSO]),
            json!({"tid": CONTOSO}),
        ];
        for tid in tids {
            probe
                .token(
                    format!("{issuer} with tid {tid}"),
                    &signer.token(&of(issuer.clone(), tid.clone(), ver)),
                    Invalid,
                )
                .await;
        }
        let bare = without(of(issuer.clone(), json!(CONTOSO), ver), "tid");
        probe.token(format!("{issuer} without tid"), &signer.token(&bare), Invalid).await;
        let capital = with(bare, "TID", json!(CONTOSO));
        probe.token(format!("{issuer} with TID"), &signer.token(&capital), Invalid).await;
        for odd in [json!(1), json!(1.0), json!(2), json!(null), json!([ver])] {
            let token = signer.token(&with(of(issuer.clone(), json!(CONTOSO), ver), "ver", odd.clone()));
            probe.token(format!("{issuer} with the version {odd}"), &token, Invalid).await;
        }
        let crossed = of(issuer.clone(), json!(CONTOSO), if ver == "1.0" { "2.0" } else { "1.0" });
        probe.token(format!("{issuer} with the other version"), &signer.token(&crossed), Invalid).await;
    }
    for tenant in
        [FABRIKAM, "common", "organizations", "consumers", "{tenantid}", "", "9188040d-6c67-4c5b-b112-36a304b66dad"]
    {
        for (issuer, ver) in issuers(tenant) {
            for tid in [tenant, CONTOSO] {
                let token = signer.token(&of(issuer.clone(), json!(tid), ver));
                probe.token(format!("{issuer} with tid {tid}"), &token, Invalid).await;
            }
        }
    }
    for issuer in [
        format!("https://login.microsoftonline.com/{CONTOSO}/"),
        format!("https://login.microsoftonline.com/{CONTOSO}/v2.0/"),
        format!("https://sts.windows.net/{CONTOSO}"),
        format!("https://login.microsoftonline.us/{CONTOSO}/v2.0"),
        format!("https://login.microsoftonline.com/x/../{CONTOSO}/v2.0"),
        format!("https://login.microsoftonline.com.evil.example/{CONTOSO}/v2.0"),
        format!("http://sts.windows.net/{CONTOSO}/"),
        format!("https://sts.windows.net/{}/", CONTOSO.to_uppercase()),
    ] {
        let token = signer.token(&of(issuer.clone(), json!(CONTOSO), "2.0"));
        probe.token(issuer, &token, Invalid).await;
    }
}

#[tokio::test]
async fn s06_times_are_numbers_with_a_small_leeway_that_is_applied_once() {
    let now = START.as_secs();
    let at = |seconds: f64| json!(seconds);
    #[expect(clippy::cast_precision_loss, reason = "a date of this century is exact")]
    let base = now as f64;
    let cases = [
        // The default leeway is a minute: the first moment past it is too late.
        ("exp", json!(now - 59), Permitted),
        ("exp", json!(now - 60), Invalid),
        ("exp", json!(now - 61), Invalid),
        ("exp", json!(now - 119), Invalid),
        ("exp", at(base - 59.5), Permitted),
        ("exp", at(base - 60.5), Invalid),
        ("nbf", json!(now + 60), Permitted),
        ("nbf", json!(now + 61), Invalid),
        ("nbf", json!(now + 119), Invalid),
        ("nbf", at(base + 59.5), Permitted),
        ("nbf", at(base + 60.5), Invalid),
        ("exp", json!(now), Permitted),
        ("exp", json!(now + 1), Permitted),
        ("exp", at(base + 0.1), Permitted),
        // Beyond every integer and every calendar.
        ("exp", json!(i64::MAX), Permitted),
        ("exp", json!(u64::MAX), Permitted),
        ("exp", json!(1e300), Permitted),
        ("exp", json!(i64::MIN), Invalid),
        ("exp", json!(-1e300), Invalid),
        ("exp", json!(0), Invalid),
        ("exp", json!(-0.0), Invalid),
        ("exp", json!(1e-300), Invalid),
        ("exp", json!(2_147_483_648_u64), Permitted),
        ("exp", json!(253_402_300_800_u64), Permitted),
        ("nbf", json!(i64::MAX), Invalid),
        ("nbf", json!(u64::MAX), Invalid),
        ("nbf", json!(1e300), Invalid),
        ("nbf", json!(i64::MIN), Permitted),
        ("nbf", json!(-1e300), Permitted),
        ("nbf", json!(0), Permitted),
        // Milliseconds are a date far away, not a mistake to be mended.
        ("nbf", json!(now * 1000), Invalid),
        ("exp", json!((now - 3600) * 1000), Permitted),
    ];
    let mut probe = Probe::of(Gateway::start().await);
    for (name, value, expected) in cases {
        let token = probe.gateway.changed(|claims| claims[name] = value.clone());
        probe.token(format!("{name} {value}"), &token, expected).await;
    }
    // Numbers that no JSON type holds, and forms that only look like numbers.
    let signer = Signer::es256("k");
    let mut probe = Probe::with_keys(&[signer.jwk()]).await;
    let text = claims().to_string();
    let exp = format!("\"exp\":{}", now + 3600);
    assert!(text.contains(&exp));
    for odd in [
        "1e400",
        "-1e400",
        "NaN",
        "Infinity",
        "+4000000000",
        "0x7fffffff",
        "04000000000",
        "4000000000.",
        ".5",
        "4e",
        "4_000_000_000",
    ] {
        let token = signer.sign_text(signer.header().to_string(), text.replace(&exp, &format!("\"exp\":{odd}")));
        probe.token(format!("exp {odd}"), &token, Invalid).await;
    }
    for odd in ["4000000000", "4e9", "4000000000.0", "4.0E+9", "99999999999999999999999999"] {
        let token = signer.sign_text(signer.header().to_string(), text.replace(&exp, &format!("\"exp\":{odd}")));
        probe.token(format!("exp {odd}"), &token, Permitted).await;
    }
}

#[tokio::test]
async fn s06_the_leeway_is_what_the_configuration_says() {
    for (skew, seconds) in [("0s", 0_i64), ("5s", 5), ("5m", 300)] {
        let config = CONFIG.replace("audiences:", &format!("clock_skew: {skew}, audiences:"));
        let mut probe = Probe::of(Gateway::with(&config).await);
        for (name, offset, expected) in [
            ("exp", 1 - seconds, Permitted),
            ("exp", -seconds, Invalid),
            ("nbf", seconds, Permitted),
            ("nbf", seconds + 1, Invalid),
        ] {
            let token = probe.gateway.changed(|claims| claims[name] = json!(START.as_secs() + offset));
            probe.token(format!("{name} {offset} s from now with a leeway of {skew}"), &token, expected).await;
        }
    }
}
