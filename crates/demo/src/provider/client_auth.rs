//! Which application asks: by secret, by a signed assertion, or by its bare id if it is public.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;
use url::form_urlencoded;

use super::error::OAuthError;
use super::form::Form;
use super::keys::verified_by;
use super::shape::{Endpoint, Shape};
use super::state::State;
use crate::people::Client;

/// The one type of assertion (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Finds out which application asks (RFC 6749 §2.3.1 and §3.2.1, RFC 7523 §2.2).
pub(crate) fn authenticate(
    state: &State,
    shape: Shape,
    authorization: Option<&HeaderValue>,
    form: &Form,
) -> Result<Client, OAuthError> {
    let Some(assertion) = form.get("client_assertion") else { return by_secret(state, authorization, form) };
    if authorization.is_some() || form.get("client_secret").is_some() {
        return Err(OAuthError::invalid_request("the client authenticates in more than one way"));
    }
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(OAuthError::invalid_request("client_assertion_type is missing or unknown"));
    }
    by_assertion(state, shape, assertion, form.get("client_id")).map_err(OAuthError::invalid_client)
}

/// Verifies a signed assertion with the keys that the client has registered (RFC 7523 §3).
fn by_assertion(state: &State, shape: Shape, assertion: &str, id: Option<&str>) -> Result<Client, &'static str> {
    let claimed = unverified(assertion).ok_or("the client assertion is not a JWT")?;
    let client = claimed["sub"].as_str().and_then(Client::find).ok_or("the client of the assertion is unknown")?;
    if id.is_some_and(|id| id != client.id) {
        return Err("client_id differs from the subject of the assertion");
    }
    let keys = state.clients.of(client.id).jwks.and_then(|keys| serde_json::from_value::<JwkSet>(keys).ok());
    let keys = keys.ok_or("the client has registered no keys")?.keys;
    let claims = keys.iter().find_map(|key| verified_by(key, assertion)).ok_or("the signature doesn't verify")?;
    if claims["iss"] != claims["sub"] {
        return Err("iss and sub of the assertion differ");
    }
    let known = [Endpoint::Token, Endpoint::Pushed].map(|endpoint| shape.address(&state.issuer, endpoint));
    let known: Vec<_> = known.into_iter().flatten().chain(Some(state.issuer.clone())).collect();
    let meant = |audience: &Value| audience.as_str().is_some_and(|audience| known.iter().any(|own| own == audience));
    if !meant(&claims["aud"]) && !claims["aud"].as_array().is_some_and(|all| all.iter().any(meant)) {
        return Err("the assertion is for someone else");
    }
    let now = state.clock.now().as_secs();
    let expired = claims["exp"].as_i64().is_none_or(|exp| now >= exp);
    if expired || claims["nbf"].as_i64().is_some_and(|nbf| nbf > now + 60) {
        return Err("the assertion has expired, or has no exp");
    }
    let id = claims["jti"].as_str().ok_or("the assertion has no jti")?;
    if state.assertions.remember(id) { Ok(client) } else { Err("the assertion was used before") }
}

/// The claims of a token, not verified.
fn unverified(token: &str) -> Option<Value> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()
}

fn by_secret(state: &State, authorization: Option<&HeaderValue>, form: &Form) -> Result<Client, OAuthError> {
    let (form_id, form_secret) = (form.get("client_id"), form.get("client_secret"));
    let basic = match authorization {
        None => None,
        Some(header) => {
            Some(basic(header).ok_or(OAuthError::invalid_client("the Authorization field is not HTTP Basic"))?)
        }
    };
    let (id, secret) = match &basic {
        Some(_) if form_secret.is_some() => {
            return Err(OAuthError::invalid_request("the client authenticates in more than one way"));
        }
        Some((id, _)) if form_id.is_some_and(|form_id| form_id != id) => {
            return Err(OAuthError::invalid_request("client_id differs from the one in the Authorization field"));
        }
        Some((id, secret)) => (id.as_str(), Some(secret.as_str()).filter(|secret| !secret.is_empty())),
        None => (form.need("client_id", "client_id is missing")?, form_secret),
    };
    let client = Client::find(id).ok_or(OAuthError::invalid_client("the client is unknown"))?;
    if state.clients.of(client.id).jwks.is_some() {
        return Err(OAuthError::invalid_client("the client must sign an assertion with its registered key"));
    }
    match (client.secret, secret) {
        (None, None) => Ok(client),
        (Some(expected), Some(given)) if verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok() => {
            Ok(client)
        }
        _ => Err(OAuthError::invalid_client("the client secret is missing or wrong")),
    }
}

/// The id and secret of an `Authorization: Basic` header, each form-encoded within (RFC 6749 §2.3.1).
fn basic(header: &HeaderValue) -> Option<(String, String)> {
    let (scheme, credentials) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::people::{
        CONFIDENTIAL_CLIENT_ID, DEMO_ONLY_CLIENT_SECRET, PORTAL_CLIENT_ID, PUBLIC_CLIENT_ID, everyone,
    };
    use crate::provider::clients::Registration;
    use crate::provider::keys::KeyRing;
    use mfa_gateway_core::clock::{Clock, Timestamp};

    const ISSUER: &str = "http://127.0.0.1:9/";

    fn state() -> State {
        let clock = Clock::manual(Timestamp::from_secs(1_000));
        State::new(ISSUER.to_owned(), clock, everyone(), KeyRing::generate().unwrap())
    }

    fn code_of(state: &State, authorization: Option<&str>, form: &str) -> Result<&'static str, &'static str> {
        let header = authorization
            .map(|credentials| HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(credentials))).unwrap());
        let client = authenticate(state, Shape::GENERIC, header.as_ref(), &Form::parse(form.as_bytes()));
        client.map(|client| client.id).map_err(|error| error.code)
    }

    #[test]
    fn a_confidential_client_proves_itself_in_one_way() {
        let state = state();
        let pair = format!("{CONFIDENTIAL_CLIENT_ID}:{DEMO_ONLY_CLIENT_SECRET}");
        let post = format!("client_id={CONFIDENTIAL_CLIENT_ID}&client_secret={DEMO_ONLY_CLIENT_SECRET}");
        assert_eq!(code_of(&state, Some(&pair), ""), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(&state, Some(&pair.replace('-', "%2D")), ""), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(&state, None, &post), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(&state, Some(&pair), &post), Err("invalid_request"));
        assert_eq!(code_of(&state, None, &format!("client_id={CONFIDENTIAL_CLIENT_ID}")), Err("invalid_client"));
        assert_eq!(code_of(&state, Some(&format!("{pair}x")), ""), Err("invalid_client"));
    }

    #[test]
    fn a_public_client_names_itself_and_has_no_secret() {
        let state = state();
        let form = format!("client_id={PUBLIC_CLIENT_ID}");
        assert_eq!(code_of(&state, None, &form), Ok(PUBLIC_CLIENT_ID));
        assert_eq!(code_of(&state, None, &format!("{form}&client_secret=guess")), Err("invalid_client"));
        assert_eq!(code_of(&state, None, "client_id=nobody"), Err("invalid_client"));
        assert_eq!(code_of(&state, None, ""), Err("invalid_request"));
    }

    #[test]
    fn a_client_with_keys_signs_a_new_assertion_each_time() {
        let (state, own) = (state(), KeyRing::generate().unwrap());
        let jwks = Some(serde_json::from_slice(&own.published().body).unwrap());
        state.clients.register(PORTAL_CLIENT_ID, Registration { jwks, ..Registration::default() });
        let claims = |change: &dyn Fn(&mut Value)| {
            let mut claims = json!({
                "iss": PORTAL_CLIENT_ID, "sub": PORTAL_CLIENT_ID, "aud": format!("{ISSUER}token"), "exp": 1_060,
                "jti": "1",
            });
            change(&mut claims);
            claims
        };
        let shown = |assertion: String| {
            code_of(&state, None, &format!("client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"))
        };
        assert_eq!(shown(own.sign(&claims(&|_| {}))), Ok(PORTAL_CLIENT_ID));
        assert_eq!(shown(own.sign(&claims(&|_| {}))), Err("invalid_client"), "used twice");
        for (what, name, value) in [
            ("expired", "exp", json!(1_000)),
            ("for someone else", "aud", json!("https://other.example/")),
            ("without a jti", "jti", json!(null)),
            ("of another issuer", "iss", json!("other")),
        ] {
            assert_eq!(
                shown(own.sign(&claims(&|claims| claims[name] = value.clone()))),
                Err("invalid_client"),
                "{what}"
            );
        }
        let foreign = state.keys.sign(&claims(&|claims| claims["jti"] = json!("2")));
        assert_eq!(shown(foreign), Err("invalid_client"), "signed by someone else");
        let secret = format!("client_id={PORTAL_CLIENT_ID}&client_secret=demo-only-portal-secret");
        assert_eq!(code_of(&state, None, &secret), Err("invalid_client"), "a secret in place of the key");
    }
}
