//! What ends by an event, and what doesn't.

use std::time::Duration;

use mfa_gateway_core::token::EventKind;
use serde_json::{Value, json};

use super::{CAEP, CONFIG, RISC, Transmitter};
use crate::support::gateway::START;
use crate::support::{Call, until};

#[tokio::test]
async fn an_event_ends_the_tokens_that_were_issued_until_then_cached_ones_too() {
    let all = Transmitter::start().await;
    let (jane, john) = (all.gateway.jane(), all.gateway.john());
    assert!(all.stands(&jane).await && all.stands(&jane).await);
    let answer = all.tell(&json!({})).await;
    assert_eq!((answer.code(), answer.body.len(), answer.header("cache-control")), (202, 0, Some("no-store")));
    assert!(!all.stands(&jane).await, "a cached one");
    assert!(!all.stands(&all.gateway.changed(|claims| claims["jti"] = json!("another"))).await, "a new one of before");
    assert!(!all.stands(&all.gateway.without("iat")).await, "one that doesn't say when it was issued");
    assert_ne!(all.gateway.get("/v1/customers", &john).await.refusal(), "token_revoked", "of somebody else");
    all.gateway.world.clock.advance(Duration::from_secs(1));
    let later = all.gateway.jane();
    assert!(all.stands(&later).await);
    assert!(!all.stands(&jane).await);
    let labels = "{transmitter=\"idp\",event=\"session-revoked\",effect=\"revoked\"}";
    assert!((all.gateway.metric(&format!("mfa_gateway_security_events_total{labels}")).await - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn each_event_ends_what_the_table_says() {
    let credential = |change: &str| json!({"credential_type": "fido2-roaming", "change_type": change});
    let level = |direction: &str| json!({"current_level": "nist-aal1", "change_direction": direction});
    // Tokens by when they were issued and when their user signed in, in seconds from the event.
    let (old, refreshed, new) = ((-10, -10), (10, -10), (10, 10));
    for (uri, event, ended) in [
        (CAEP, ("session-revoked", json!({})), vec![old]),
        (CAEP, ("credential-change", credential("update")), vec![old, refreshed]),
        (CAEP, ("credential-change", credential("create")), vec![]),
        (CAEP, ("assurance-level-change", level("decrease")), vec![old]),
        (CAEP, ("assurance-level-change", level("increase")), vec![]),
        (CAEP, ("token-claims-change", json!({"claims": {"role": "none"}})), vec![old]),
        (CAEP, ("session-established", json!({})), vec![]),
        (RISC, ("account-disabled", json!({"reason": "hijacking"})), vec![old]),
        (RISC, ("account-credential-change-required", json!({})), vec![old, refreshed]),
        ("https://elsewhere.example/", ("session-revoked", json!({})), vec![]),
    ] {
        let all = Transmitter::start().await;
        let (name, mut event) = event;
        event["event_timestamp"] = json!(START.as_secs());
        all.gateway.world.clock.advance(Duration::from_secs(20));
        let answer = all.tell(&json!({ "events": { format!("{uri}{name}"): event } })).await;
        assert_eq!(answer.code(), 202, "{name} {event}");
        for times in [old, refreshed, new] {
            let token = all.gateway.changed(|claims| {
                claims["iat"] = json!(START.as_secs() + times.0);
                claims["auth_time"] = json!(START.as_secs() + times.1);
            });
            assert_eq!(all.stands(&token).await, !ended.contains(&times), "{name} {event} {times:?}");
        }
    }
    assert_eq!(EventKind::ALL.len(), 9, "the table has them all, but for twins");
}

#[tokio::test]
async fn a_subject_is_known_by_each_of_its_names() {
    let session = |id: &str| json!({"format": "opaque", "id": id});
    let opaque = |all: &Transmitter| json!({"format": "opaque", "id": all.jane()["sub"]});
    let complex =
        |all: &Transmitter, id: &str| json!({"format": "complex", "user": all.jane(), "session": session(id)});
    let upn = |all: &Transmitter| {
        let address = all.gateway.claims(|_| {})["upn"].as_str().unwrap().to_uppercase();
        json!({"format": "email", "email": address})
    };
    for (what, subject, [of_session, of_another, without]) in [
        ("a sub", &opaque as &dyn Fn(&Transmitter) -> Value, [false, false, false]),
        ("an address", &upn, [false, false, false]),
        ("a session", &|all| complex(all, "s1"), [false, true, false]),
        (
            "a session of a telephone",
            &|_| json!({"format": "complex", "user": {"format": "phone_number", "phone_number": "+1"}, "session": session("s1")}),
            [false, true, true],
        ),
        ("a session alone", &|_| json!({"format": "complex", "session": session("s1")}), [false, true, true]),
        ("a device", &|_| json!({"format": "complex", "device": session("d")}), [true, true, true]),
        ("a telephone", &|_| json!({"format": "phone_number", "phone_number": "+1"}), [true, true, true]),
        ("somebody else", &|_| session("somebody-else"), [true, true, true]),
    ] {
        let all = Transmitter::start().await;
        let token = |sid: Value| all.gateway.changed(|claims| claims["sid"] = sid);
        assert_eq!(all.tell(&json!({ "sub_id": subject(&all) })).await.code(), 202, "{what}");
        assert_eq!(all.stands(&token(json!("s1"))).await, of_session, "{what}");
        assert_eq!(all.stands(&token(json!("s2"))).await, of_another, "{what}");
        assert_eq!(all.stands(&all.gateway.jane()).await, without, "{what}");
    }
}

#[tokio::test]
async fn operators_and_explain_know_of_it_and_a_reload_forgets_nothing() {
    let all = Transmitter::start().await;
    let operator = all.gateway.changed(|claims| claims["aud"] = json!("operators"));
    let jane = all.gateway.jane();
    let ask = |token: &str| {
        Call::post("/explain", &format!(r#"{{"path":"/v1/customers","token":"{jane}"}}"#))
            .header("content-type", "application/json")
            .bearer(token)
    };
    let answer = all.gateway.admin_send(&ask(&operator)).await;
    assert_eq!(answer.code(), 200, "{}", String::from_utf8_lossy(&answer.body));
    all.tell(&json!({})).await;
    let refused = all.gateway.admin_send(&ask(&operator)).await;
    assert_eq!((refused.code(), refused.refusal().as_str()), (401, "token_revoked"));
    all.gateway.world.clock.advance(Duration::from_secs(1));
    let later = all.gateway.changed(|claims| claims["aud"] = json!("operators"));
    let explained = String::from_utf8(all.gateway.admin_send(&ask(&later)).await.body.to_vec()).unwrap();
    assert!(explained.contains("token_revoked"), "{explained}");
    all.gateway.reload(CONFIG);
    assert!(!all.stands(&jane).await);
}

#[tokio::test]
async fn a_restart_keeps_what_was_revoked_until_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{CONFIG}state: {{ directory: {} }}\n", folder.path().join("state").display());
    let text = text.replace("  transmitters:", "  keep: 1h\n  transmitters:");
    let mut all = Transmitter::with(&text).await;
    let jane = all.gateway.changed(|claims| claims["exp"] = json!(START.as_secs() + 7300));
    assert_eq!(all.tell(&json!({})).await.code(), 202);
    assert!(!all.stands(&jane).await);
    all.gateway = all.gateway.restarted(&text).await;
    assert!(!all.stands(&jane).await, "after the restart");
    assert_eq!(all.tell(&json!({})).await.code(), 202);
    assert!((all.counted("idp", "repeated").await - 1.0).abs() < 0.1);
    all.gateway.world.clock.advance(Duration::from_secs(3605));
    // The store was read long ago by this clock, until it is read again.
    let is_known = async || all.gateway.get("/v1/customers", &jane).await.code() != 503;
    until("the store to be read", is_known).await;
    assert!(all.stands(&jane).await, "kept for an hour");
}
