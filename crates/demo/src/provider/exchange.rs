//! The token endpoint: codes, refresh tokens and client credentials for access tokens (RFC 6749 §3.2, §4.1.3, §4.4, §6).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::error::OAuthError;
use super::form::Form;
use super::grants::Redeemed;
use super::state::State;
use super::tokens::{LIFETIME, TokenOptions, access_claims, app_claims, id_claims};
use crate::people::{Client, DEFAULT_AUDIENCE};

/// Answers a token request with the body of a token response (RFC 6749 §5.1).
pub(crate) fn exchange(state: &State, authorization: Option<&HeaderValue>, form: &Form) -> Result<Value, OAuthError> {
    form.sound()?;
    let grant_type = form.need("grant_type", "grant_type is missing")?;
    let client = authenticate(authorization, form)?;
    let now = state.clock.now();
    match grant_type {
        "authorization_code" => {
            let code = form.need("code", "code is missing")?;
            let redirect_uri = form.need("redirect_uri", "redirect_uri is missing")?;
            let verifier = form.need("code_verifier", "code_verifier is missing")?;
            let redeemed = state.grants.redeem_code(code, client, redirect_uri, verifier, now)?;
            Ok(for_person(state, form, &redeemed))
        }
        "refresh_token" => {
            let token = form.need("refresh_token", "refresh_token is missing")?;
            Ok(for_person(state, form, &state.grants.refresh(token, client, now)?))
        }
        "client_credentials" => for_application(state, form, client),
        _ => Err(OAuthError::new("unsupported_grant_type", "this grant_type is not supported")),
    }
}

/// Tokens for a sign-in. They say when and how the person signed in, not when the token was asked for.
fn for_person(state: &State, form: &Form, redeemed: &Redeemed) -> Value {
    let (sign_in, now) = (&redeemed.sign_in, state.clock.now());
    let audience = form.audience().or(sign_in.audience.as_deref()).unwrap_or(DEFAULT_AUDIENCE);
    let options = TokenOptions {
        client_id: sign_in.client.id.to_owned(),
        audience: audience.to_owned(),
        auth_time: Some(sign_in.time),
        lifetime: LIFETIME,
    };
    let access_token = state.keys.sign(&access_claims(&state.issuer, &sign_in.person, &options, now));
    // A refresh may ask for less, and what was never granted is ignored (RFC 6749 §3.3 and §6).
    let asked = |scope: &&str| form.get("scope").is_none() || form.words("scope").any(|word| word == *scope);
    let scopes: Vec<_> = sign_in.scopes.iter().map(String::as_str).filter(asked).collect();
    let id_token =
        scopes.contains(&"openid").then(|| state.keys.sign(&id_claims(&state.issuer, sign_in, &access_token, now)));
    let scope = [&scopes[..], &["user_impersonation"]].concat().join(" ");
    let mut response = response(&access_token);
    response["refresh_token"] = json!(redeemed.refresh_token);
    response["scope"] = json!(scope);
    if let Some(id_token) = id_token {
        response["id_token"] = json!(id_token);
    }
    response
}

fn for_application(state: &State, form: &Form, client: Client) -> Result<Value, OAuthError> {
    if client.secret.is_none() {
        let description = "a public client can't prove its identity, so it gets no app-only token";
        return Err(OAuthError::new("unauthorized_client", description));
    }
    let claims = app_claims(&state.issuer, form.audience().unwrap_or(DEFAULT_AUDIENCE), state.clock.now());
    Ok(response(&state.keys.sign(&claims)))
}

fn response(access_token: &str) -> Value {
    json!({ "token_type": "Bearer", "expires_in": LIFETIME.as_secs(), "access_token": access_token })
}

/// Finds out which application asks: by HTTP Basic, by the form, or by its bare id if it is public (RFC 6749 §2.3.1,
/// §3.2.1).
fn authenticate(authorization: Option<&HeaderValue>, form: &Form) -> Result<Client, OAuthError> {
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
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::people::{CONFIDENTIAL_CLIENT_ID, DEMO_ONLY_CLIENT_SECRET, PUBLIC_CLIENT_ID, everyone};
    use crate::provider::authorize::authorize;
    use crate::provider::keys::KeyRing;
    use mfa_gateway_core::clock::{Clock, Timestamp};

    const REDIRECT: &str = "http://127.0.0.1:9/callback";
    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn claims(token: &Value) -> Value {
        let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    fn ask(state: &State, form: &str) -> Value {
        let form = format!("client_id={PUBLIC_CLIENT_ID}&{form}");
        exchange(state, None, &Form::parse(form.as_bytes())).unwrap()
    }

    #[test]
    fn a_refresh_keeps_the_proof_and_the_time_of_the_sign_in() {
        let clock = Clock::manual(Timestamp::from_secs(1_549_088_552));
        let keys = KeyRing::generate().unwrap();
        let state = State::new("http://127.0.0.1:9/".to_owned(), clock.clone(), everyone(), keys);
        let request = format!(
            "client_id={PUBLIC_CLIENT_ID}&redirect_uri={REDIRECT}&response_type=code&scope=openid&nonce=n&\
             code_challenge={CHALLENGE}&code_challenge_method=S256&login_hint=john&acr_values=mfa"
        );
        let answer = authorize(&state, &Form::parse(request.as_bytes()));
        let location = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let first = ask(
            &state,
            &format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}"),
        );
        assert_eq!(claims(&first["id_token"])["nonce"], "n");
        clock.advance(LIFETIME);
        let token = first["refresh_token"].as_str().unwrap();
        let second = ask(&state, &format!("grant_type=refresh_token&refresh_token={token}&acr_values=mfa"));
        let [before, after] = [&first, &second].map(|response| claims(&response["access_token"]));
        assert_eq!((&after["amr"], &before["amr"]), (&json!(["pwd"]), &json!(["pwd"])));
        assert_eq!(after["auth_time"], before["iat"]);
        assert_ne!(after["iat"], before["iat"]);
    }

    fn code_of(authorization: Option<&str>, form: &str) -> Result<&'static str, &'static str> {
        let header = authorization
            .map(|credentials| HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(credentials))).unwrap());
        authenticate(header.as_ref(), &Form::parse(form.as_bytes())).map(|client| client.id).map_err(|error| error.code)
    }

    #[test]
    fn a_confidential_client_proves_itself_in_one_way() {
        let pair = format!("{CONFIDENTIAL_CLIENT_ID}:{DEMO_ONLY_CLIENT_SECRET}");
        let post = format!("client_id={CONFIDENTIAL_CLIENT_ID}&client_secret={DEMO_ONLY_CLIENT_SECRET}");
        assert_eq!(code_of(Some(&pair), ""), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(Some(&pair.replace('-', "%2D")), ""), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(None, &post), Ok(CONFIDENTIAL_CLIENT_ID));
        assert_eq!(code_of(Some(&pair), &post), Err("invalid_request"));
        assert_eq!(code_of(None, &format!("client_id={CONFIDENTIAL_CLIENT_ID}")), Err("invalid_client"));
        assert_eq!(code_of(Some(&format!("{pair}x")), ""), Err("invalid_client"));
    }

    #[test]
    fn a_public_client_names_itself_and_has_no_secret() {
        let form = format!("client_id={PUBLIC_CLIENT_ID}");
        assert_eq!(code_of(None, &form), Ok(PUBLIC_CLIENT_ID));
        assert_eq!(code_of(None, &format!("{form}&client_secret=guess")), Err("invalid_client"));
        assert_eq!(code_of(None, "client_id=nobody"), Err("invalid_client"));
        assert_eq!(code_of(None, ""), Err("invalid_request"));
    }
}
