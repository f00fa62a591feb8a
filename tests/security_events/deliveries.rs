//! Which deliveries are accepted.

use std::time::Duration;

use mfa_gateway_core::token::Algorithm;
use serde_json::{Value, json};

use super::{BEARER, CAEP, HERE, Transmitter, of_type};
use crate::support::gateway::{START, user_claims};
use crate::support::signer::key_set;
use crate::support::{Call, Signer};

#[tokio::test]
async fn a_token_that_was_told_again_is_accepted_and_does_nothing() {
    let all = Transmitter::start().await;
    let token = all.signed(Some("secevent+jwt"), &all.claims(&json!({})));
    for count in [0.0, 1.0, 2.0] {
        assert_eq!(all.push(&token).await.code(), 202);
        assert!((all.counted("idp", "repeated").await - count).abs() < 0.1);
    }
    assert!((all.counted("idp", "accepted").await - 1.0).abs() < 0.1);
    // Another event under the id of one that was accepted is that one.
    all.gateway.world.clock.advance(Duration::from_secs(5));
    let jane = all.gateway.jane();
    assert_eq!(all.tell(&json!({})).await.code(), 202);
    assert!(all.stands(&jane).await);
}

#[tokio::test]
async fn no_other_kind_of_token_is_an_event_and_no_event_is_a_token() {
    let all = Transmitter::start().await;
    let claims = all.claims(&json!({}));
    for typ in [None, Some("JWT"), Some("at+jwt"), Some("logout+jwt"), Some("dpop+jwt"), Some("secevent")] {
        all.refuses(&format!("{typ:?}"), &all.signed(typ, &claims), "invalid_request").await;
    }
    let access = all.gateway.jane();
    all.refuses("an access token", &access, "invalid_request").await;
    assert!(all.stands(&access).await);
    // An event with all that an access token has, presented as one.
    let mut both = all.gateway.claims(|_| {});
    let event = all.claims(&json!({"aud": [HERE, both["aud"]]}));
    both.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
    let both = all.signed(Some("secevent+jwt"), &both);
    all.gateway.refuses("an event as an access token", &both, "token_type_not_accepted").await;
    assert_eq!(all.push(&both).await.code(), 202, "as an event it is fine");
}

#[tokio::test]
async fn a_delivery_that_is_wrong_in_any_way_ends_nothing() {
    let all = Transmitter::start().await;
    let jane = all.gateway.jane();
    let good = all.signed(Some("secevent+jwt"), &all.claims(&json!({})));
    let event = |name: &str, event: Value| json!({ "events": { format!("{CAEP}{name}"): event } });
    for (changes, code) in [
        (json!({"iss": "https://elsewhere.example/"}), "invalid_issuer"),
        (json!({"iss": null}), "invalid_issuer"),
        (json!({"aud": "https://elsewhere.example/"}), "invalid_audience"),
        (json!({"aud": null}), "invalid_audience"),
        (json!({"aud": {"x": HERE}}), "invalid_audience"),
        (json!({"iat": null}), "invalid_request"),
        (json!({"iat": START.as_secs() + 61}), "invalid_request"),
        (json!({"iat": START.as_secs() - 7 * 86_400 - 61}), "invalid_request"),
        (json!({"jti": null}), "invalid_request"),
        (json!({"jti": 7}), "invalid_request"),
        (json!({"events": null}), "invalid_request"),
        (json!({"events": {}}), "invalid_request"),
        (json!({"events": [format!("{CAEP}session-revoked")]}), "invalid_request"),
        (json!({"sub_id": null}), "invalid_request"),
        (json!({"sub_id": {"iss": "i", "sub": "s"}}), "invalid_request"),
        (json!({"sub_id": {"format": "complex", "user": {"format": "complex"}}}), "invalid_request"),
        (event("session-revoked", json!(null)), "invalid_request"),
        (event("session-revoked", json!({"event_timestamp": "now"})), "invalid_request"),
        (event("session-revoked", json!({"event_timestamp": START.as_secs() + 61})), "invalid_request"),
        (event("credential-change", json!({"credential_type": "password"})), "invalid_request"),
        (event("assurance-level-change", json!({})), "invalid_request"),
        (event("token-claims-change", json!({"claims": "x"})), "invalid_request"),
        (json!({"sub_id": {"format": "iss_sub", "iss": "https://elsewhere.example/", "sub": "s"}}), "access_denied"),
    ] {
        all.refuses(&changes.to_string(), &all.signed(Some("secevent+jwt"), &all.claims(&changes)), code).await;
    }
    let foreign = of_type(&Signer::new(Algorithm::Rs256, "foreign"), "secevent+jwt", &all.claims(&json!({})));
    all.refuses("a key of nobody", &foreign, "invalid_key").await;
    let (start, _) = good.rsplit_once('.').unwrap();
    for (what, token, code) in [
        ("no signature", format!("{start}."), "invalid_request"),
        ("another signature", format!("{start}.{}", "A".repeat(342)), "invalid_key"),
        ("nothing", String::new(), "invalid_request"),
        ("space around it", format!("{good} "), "invalid_request"),
        ("two", format!("{good}\n{good}"), "invalid_request"),
        ("JSON", all.claims(&json!({})).to_string(), "invalid_request"),
        ("bytes beyond ASCII", "é.é.é".to_owned(), "invalid_request"),
    ] {
        all.refuses(what, &token, code).await;
    }
    let before = all.counted("", "invalid_request").await;
    for kind in ["", "application/jwt", "application/json", "text/plain", "application/secevent+jwt2"] {
        let answer = all.send(Call::post("/security-events", &good).header("content-type", kind)).await;
        assert_eq!((answer.code(), answer.json()["err"].as_str()), (400, Some("invalid_request")), "{kind}");
    }
    assert!((all.counted("", "invalid_request").await - before - 5.0).abs() < 0.1);
    assert!(all.stands(&jane).await, "none of them ended anything");
    assert_eq!(all.push(&"x".repeat(70_000)).await.code(), 413);
    assert_eq!(all.send(Call::get("/security-events")).await.code(), 405);
    assert_eq!(all.push(&good).await.code(), 202, "and its jti is still good");
}

#[tokio::test]
async fn a_transmitter_with_a_bearer_token_presents_it_and_speaks_of_what_it_may() {
    let all = Transmitter::start().await;
    let jane = all.gateway.jane();
    let sign = |changes: Value| {
        let mut claims = all.claims(&json!({"iss": "https://events.example/"}));
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        of_type(&all.partner, "secevent+jwt", &claims)
    };
    let push =
        |token: String| Call::post("/security-events", &token).header("content-type", "application/secevent+jwt");
    let bearer = |value: &str| push(sign(json!({}))).header("authorization", value);
    for call in [push(sign(json!({}))), bearer("Bearer x"), bearer(BEARER), bearer(&format!("Basic {BEARER}"))] {
        let answer = all.send(call).await;
        assert_eq!((answer.code(), answer.json()["err"].as_str()), (400, Some("authentication_failed")));
    }
    let login = format!("Bearer {BEARER}");
    let change = json!({ format!("{CAEP}token-claims-change"): {"claims": {"role": "x"}} });
    let answer = all.send(push(sign(json!({"events": change, "jti": "1"}))).header("authorization", &login)).await;
    assert_eq!(answer.code(), 202, "an event that doesn't count is accepted");
    assert!(all.stands(&jane).await);
    // The identity provider's key signs nothing of the partner's.
    let posing = all.signed(Some("secevent+jwt"), &all.claims(&json!({"iss": "https://events.example/"})));
    assert_eq!(all.send(push(posing).header("authorization", &login)).await.json()["err"], "invalid_key");
    assert_eq!(all.send(bearer(&login)).await.code(), 202);
    assert!(!all.stands(&jane).await);
    assert!((all.counted("partner", "authentication_failed").await - 4.0).abs() < 0.1);
}

/// A transmitter doesn't deliver again what was refused with 400.
#[tokio::test]
async fn nothing_is_refused_for_a_key_that_has_just_changed() {
    let all = Transmitter::start().await;
    let jane = all.gateway.jane();
    let push = |signer: &Signer, jti: &str| {
        let token =
            of_type(signer, "secevent+jwt", &all.claims(&json!({"iss": "https://events.example/", "jti": jti})));
        Call::post("/security-events", &token)
            .header("content-type", "application/secevent+jwt")
            .header("authorization", &format!("Bearer {BEARER}"))
    };
    let code = async |call: Call| all.send(call).await.code();
    // Another key has the name of the one that is known.
    let second = Signer::es256("events");
    all.keys.publish(key_set(&[second.jwk()]));
    assert_eq!(code(push(&second, "1")).await, 202);
    assert!(!all.stands(&jane).await);
    // Forged ones use up what there is to fetch keys with.
    for at in 0..12 {
        let forged = code(push(&Signer::es256(&format!("forged-{at}")), "2")).await;
        assert!(matches!(forged, 400 | 503), "{forged}");
    }
    let third = Signer::es256("third");
    all.keys.publish(key_set(&[third.jwk()]));
    assert_eq!(code(push(&third, "3")).await, 503, "it is delivered again");
}

#[tokio::test]
async fn an_issuer_whose_users_nobody_speaks_of_is_not_concerned() {
    let all = Transmitter::start().await;
    let other = user_claims("https://events.example/");
    let token = all.partner.token(&other);
    assert_eq!(all.gateway.get("/v1/customers", &token).await.refusal(), "audience_mismatch");
}
