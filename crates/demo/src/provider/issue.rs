//! Signing tokens as a fault wants them.

use serde_json::{Map, Value, json};

use super::fault_set::{NonceFault, Presence, SignedBy, TokenFault};
use super::keys::{sign_with_secret, unsigned};
use super::state::State;

/// Signs claims, after a fault has changed them.
///
/// `typ` is the header's; `secret` is the client's, for a token that is wrongly signed with it.
pub(crate) fn issue(state: &State, typ: &str, mut claims: Value, fault: &TokenFault, secret: Option<&str>) -> String {
    change(state, &mut claims, fault);
    let mut header = state.keys.header();
    header["typ"] = json!(typ);
    match fault.key {
        SignedBy::Own | SignedBy::Foreign => {}
        SignedBy::None => header["alg"] = json!("none"),
        SignedBy::Secret => header["alg"] = json!("HS256"),
    }
    set(&mut header, &fault.header);
    match fault.key {
        SignedBy::Own => state.keys.sign_with(&header, &claims),
        SignedBy::Foreign => state.keys.sign_foreign(&header, &claims),
        SignedBy::None => unsigned(&header, &claims),
        SignedBy::Secret => sign_with_secret(&header, &claims, secret.unwrap_or_default()),
    }
}

/// Sets members of an object; null takes one away.
pub(crate) fn set(object: &mut Value, members: &Map<String, Value>) {
    let Some(object) = object.as_object_mut() else { return };
    for (name, value) in members {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

fn change(state: &State, claims: &mut Value, fault: &TokenFault) {
    if let Some(nonce) = claims["nonce"].as_str().map(str::to_owned) {
        state.nonces.remember(&nonce);
        match fault.nonce {
            NonceFault::Right => {}
            NonceFault::Wrong => claims["nonce"] = json!("wrong-nonce"),
            NonceFault::Missing => remove(claims, "nonce"),
            NonceFault::Replayed => claims["nonce"] = json!(state.nonces.before(&nonce).unwrap_or_default()),
        }
    } else {
        remove(claims, "nonce");
    }
    match fault.at_hash {
        Presence::Right => {}
        Presence::Wrong => claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        Presence::Missing => remove(claims, "at_hash"),
    }
    add_groups(claims, fault);
    let now = state.clock.now().as_secs();
    for (name, offset) in &fault.relative {
        claims[name] = json!(now.saturating_add(*offset));
    }
    set(claims, &fault.claims);
}

fn add_groups(claims: &mut Value, fault: &TokenFault) {
    if fault.groups > 0 {
        let own = claims["groups"].as_array().cloned().unwrap_or_default();
        let more = (0..fault.groups).map(|number| json!(format!("00000000-0000-4000-8000-{number:012}")));
        claims["groups"] = own.into_iter().chain(more).collect();
    }
    if fault.overage {
        // Entra's form of a list that is too long (Microsoft identity platform, "groups overage claim").
        let endpoint = format!(
            "https://graph.windows.net/{}/users/{}/getMemberObjects",
            claims["tid"].as_str().unwrap_or_default(),
            claims["oid"].as_str().unwrap_or_default()
        );
        remove(claims, "groups");
        claims["_claim_names"] = json!({ "groups": "src1" });
        claims["_claim_sources"] = json!({ "src1": { "endpoint": endpoint } });
    }
}

fn remove(claims: &mut Value, name: &str) {
    if let Some(claims) = claims.as_object_mut() {
        claims.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::people::everyone;
    use crate::provider::keys::KeyRing;
    use mfa_gateway_core::clock::{Clock, Timestamp};

    fn state() -> State {
        let clock = Clock::manual(Timestamp::from_secs(1_000));
        State::new("http://127.0.0.1:9/".to_owned(), clock, everyone(), KeyRing::generate().unwrap())
    }

    fn parts(token: &str) -> [Value; 2] {
        let part = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let mut parts = token.split('.');
        [part(parts.next().unwrap()), part(parts.next().unwrap())]
    }

    #[test]
    fn claims_and_header_are_what_the_fault_says() {
        let state = state();
        let fault: TokenFault = serde_json::from_value(json!({
            "relative": { "exp": -300 }, "claims": { "amr": "mfa", "iat": null }, "header": { "crit": ["x"] },
            "overage": true,
        }))
        .unwrap();
        let claims = json!({ "amr": ["pwd"], "iat": 1, "exp": 2, "groups": ["g"], "tid": "t", "oid": "o" });
        let [header, claims] = parts(&issue(&state, "JWT", claims, &fault, None));
        assert_eq!((&header["crit"], &claims["exp"], &claims["amr"]), (&json!(["x"]), &json!(700), &json!("mfa")));
        assert_eq!((claims.get("iat"), claims.get("groups")), (None, None));
        assert_eq!(claims["_claim_names"]["groups"], "src1");
    }

    #[test]
    fn a_nonce_is_replayed_from_the_sign_in_before() {
        let state = state();
        let honest = TokenFault::default();
        let replayed = TokenFault { nonce: NonceFault::Replayed, ..TokenFault::default() };
        let _ = issue(&state, "JWT", json!({ "nonce": "first" }), &honest, None);
        let [_, claims] = parts(&issue(&state, "JWT", json!({ "nonce": "second" }), &replayed, None));
        assert_eq!(claims["nonce"], "first");
    }

    #[test]
    fn only_the_own_key_makes_a_token_that_verifies() {
        let state = state();
        let by = |key| {
            let fault = TokenFault { key, ..TokenFault::default() };
            let token = issue(&state, "JWT", json!({ "sub": "s" }), &fault, Some("secret"));
            (parts(&token)[0]["alg"].clone(), state.keys.verified(&token).is_some())
        };
        assert_eq!(by(SignedBy::Own), (json!("RS256"), true));
        assert_eq!(by(SignedBy::Foreign), (json!("RS256"), false));
        assert_eq!(by(SignedBy::None), (json!("none"), false));
        assert_eq!(by(SignedBy::Secret), (json!("HS256"), false));
    }
}
