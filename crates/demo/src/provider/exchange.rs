//! The token endpoint: codes, refresh tokens, passwords and client credentials for access tokens (RFC 6749 §3.2, §4.1.3, §4.3, §4.4,
//! §6).

use std::sync::Arc;

use http::HeaderValue;
use serde_json::{Value, json};

use super::client_auth::authenticate;
use super::error::OAuthError;
use super::fault_set::{FaultSet, Kind, NonceFault, TokenFault};
use super::form::Form;
use super::grants::{Redeemed, SignIn};
use super::issue::issue;
use super::password;
use super::shape::{Manner, Shape};
use super::state::State;
use super::tokens::{LIFETIME, TokenOptions, access_claims, app_claims, id_claims, logout_claims};
use crate::people::{CONTOSO, Client, DEFAULT_AUDIENCE};
use crate::tenants::Tenant;

/// Answers a token request with the body of a token response (RFC 6749 §5.1).
pub(crate) fn exchange(
    state: &State,
    shape: Shape,
    authorization: Option<&HeaderValue>,
    form: &Form,
) -> Result<Value, OAuthError> {
    form.sound()?;
    let grant_type = form.need("grant_type", "grant_type is missing")?;
    let client = authenticate(state, shape, authorization, form)?;
    let (now, faults) = (state.clock.now(), state.faults.now());
    match grant_type {
        "authorization_code" => {
            let code = form.need("code", "code is missing")?;
            let redirect_uri = form.need("redirect_uri", "redirect_uri is missing")?;
            let verifier = form.need("code_verifier", "code_verifier is missing")?;
            let redeemed = state.grants.redeem_code(code, client, redirect_uri, verifier, now)?;
            Ok(for_person(state, form, &redeemed, &faults, Occasion::SignIn))
        }
        "refresh_token" => {
            let token = form.need("refresh_token", "refresh_token is missing")?;
            let mut redeemed = state.grants.refresh(token, client, now, &faults.refresh_token)?;
            redeemed.sign_in = Arc::new(redeemed.sign_in.at(state, shape)?);
            Ok(for_person(state, form, &redeemed, &faults, Occasion::Refresh))
        }
        "password" => {
            let sign_in = Arc::new(password::sign_in(state, shape, form, client)?);
            let redeemed = Redeemed { sign_in, refresh_token: None };
            Ok(for_person(state, form, &redeemed, &faults, Occasion::SignIn))
        }
        "client_credentials" => for_application(state, shape, form, client),
        _ => Err(OAuthError::new("unsupported_grant_type", "this grant_type is not supported")),
    }
}

/// Why tokens are issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    SignIn,
    Refresh,
}

/// Tokens for a sign-in. They say when and how the person signed in, not when the token was asked for.
fn for_person(state: &State, form: &Form, redeemed: &Redeemed, faults: &FaultSet, occasion: Occasion) -> Value {
    let (sign_in, now) = (&*redeemed.sign_in, state.clock.now());
    let issuer = sign_in.shape.issuer_for(&state.issuer, &sign_in.person);
    let audience = form.audience().or(sign_in.audience.as_deref()).unwrap_or(DEFAULT_AUDIENCE);
    let options = TokenOptions {
        client_id: sign_in.client.id.to_owned(),
        audience: audience.to_owned(),
        auth_time: Some(sign_in.time),
        lifetime: LIFETIME,
        tenant: sign_in.shape.tenant,
    };
    let claims = access_claims(&issuer, &sign_in.person, &options, now);
    let access_token = issue(state, "JWT", claims, &faults.access_token, None);
    // A refresh may ask for less, and what was never granted is ignored (RFC 6749 §3.3 and §6).
    let asked = |scope: &&str| form.get("scope").is_none() || form.words("scope").any(|word| word == *scope);
    let scopes: Vec<_> = sign_in.scopes.iter().map(String::as_str).filter(asked).collect();
    let mut response = response(&access_token);
    response["scope"] = json!([&scopes[..], &["user_impersonation"]].concat().join(" "));
    if let Some(refresh_token) = &redeemed.refresh_token {
        response["refresh_token"] = json!(refresh_token);
    }
    if scopes.contains(&"openid") {
        let fault = if occasion == Occasion::SignIn { &faults.id_token } else { &faults.refreshed_id_token };
        response["id_token"] = json!(id_token(state, &issuer, sign_in, &access_token, fault, occasion));
    }
    if sign_in.shape.manner == Manner::V1 {
        // Numbers are strings there.
        response["expires_in"] = json!(LIFETIME.as_secs().to_string());
        response["expires_on"] = json!(now.plus(LIFETIME).as_secs().to_string());
        response["resource"] = json!(audience);
    }
    response
}

/// The ID token. That of a refresh tells of the same sign-in, without a nonce, and in the manner of most providers
/// without `amr` (OpenID Connect Core §12.2).
fn id_token(
    state: &State,
    issuer: &str,
    sign_in: &SignIn,
    access_token: &str,
    fault: &TokenFault,
    occasion: Occasion,
) -> String {
    let now = state.clock.now();
    let mut claims = id_claims(issuer, sign_in, access_token, now);
    if occasion == Occasion::Refresh
        && let Some(claims) = claims.as_object_mut()
    {
        claims.remove("amr");
        claims.remove("nonce");
    }
    match fault.kind {
        Kind::AccessToken => return access_token.to_owned(),
        Kind::LogoutToken => {
            let nonce = claims["nonce"].take();
            claims = logout_claims(issuer, &sign_in.person, sign_in.client.id, &sign_in.sid, now);
            // With the nonce it would pass for an ID token but for what makes it a logout token.
            if fault.nonce != NonceFault::Missing {
                claims["nonce"] = nonce;
            }
        }
        Kind::Right => {}
    }
    issue(state, "JWT", claims, fault, sign_in.client.secret)
}

fn for_application(state: &State, shape: Shape, form: &Form, client: Client) -> Result<Value, OAuthError> {
    if client.principal.is_none() {
        return Err(OAuthError::new("unauthorized_client", "this application gets no app-only tokens"));
    }
    if shape.tenant.is_some_and(|tenant| !state.consents.has(tenant, client.id)) {
        return Err(OAuthError::aadsts(700_016));
    }
    let audience = form.audience().unwrap_or(DEFAULT_AUDIENCE);
    let shape = Shape { tenant: shape.tenant.or(Tenant::find(CONTOSO)), ..shape };
    let tenant = shape.tenant.map_or(CONTOSO, |tenant| tenant.id);
    let claims = app_claims(&shape.issuer(&state.issuer), client, tenant, audience, state.clock.now());
    Ok(response(&state.keys.sign(&claims)))
}

fn response(access_token: &str) -> Value {
    json!({ "token_type": "Bearer", "expires_in": LIFETIME.as_secs(), "access_token": access_token })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::people::{PUBLIC_CLIENT_ID, everyone};
    use crate::provider::authorize::authorize;
    use crate::provider::browsers::Visitor;
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

    fn state(clock: &Clock) -> State {
        State::new("http://127.0.0.1:9/".to_owned(), clock.clone(), everyone(), KeyRing::generate().unwrap())
    }

    fn ask(state: &State, form: &str) -> Result<Value, OAuthError> {
        let form = format!("client_id={PUBLIC_CLIENT_ID}&{form}");
        exchange(state, Shape::GENERIC, None, &Form::parse(form.as_bytes()))
    }

    fn sign_in(state: &State, shape: Shape, more: &str) -> Value {
        let request = format!(
            "client_id={PUBLIC_CLIENT_ID}&redirect_uri={REDIRECT}&response_type=code&nonce=n&\
             code_challenge={CHALLENGE}&code_challenge_method=S256&{more}"
        );
        let answer = authorize(state, shape, Form::parse(request.as_bytes()), &Visitor::default());
        let location = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form =
            format!("grant_type=authorization_code&code={code}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}");
        ask(state, &form).unwrap()
    }

    #[test]
    fn a_refresh_keeps_the_proof_and_the_time_of_the_sign_in() {
        let clock = Clock::manual(Timestamp::from_secs(1_549_088_552));
        let state = state(&clock);
        let first = sign_in(&state, Shape::GENERIC, "scope=openid+offline_access&login_hint=john");
        assert_eq!(claims(&first["id_token"])["nonce"], "n");
        clock.advance(LIFETIME);
        let token = first["refresh_token"].as_str().unwrap();
        let second = ask(&state, &format!("grant_type=refresh_token&refresh_token={token}&acr_values=mfa")).unwrap();
        let [before, after] = [&first, &second].map(|response| claims(&response["access_token"]));
        assert_eq!((&after["amr"], &before["amr"]), (&json!(["pwd"]), &json!(["pwd"])));
        assert_eq!(after["auth_time"], before["iat"]);
        assert_ne!(after["iat"], before["iat"]);
        let [before, after] = [&first, &second].map(|response| claims(&response["id_token"]));
        assert_eq!((after.get("amr"), after.get("nonce")), (None, None));
        for kept in ["sub", "aud", "iss", "auth_time", "sid"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
    }

    #[test]
    fn a_refresh_token_needs_offline_access() {
        let state = state(&Clock::system());
        assert!(sign_in(&state, Shape::GENERIC, "scope=openid&login_hint=jane").get("refresh_token").is_none());
    }

    #[test]
    fn a_sign_in_tells_the_methods_in_the_manner_of_its_endpoint() {
        let state = state(&Clock::system());
        let jane = |shape| claims(&sign_in(&state, shape, "scope=openid&login_hint=jane&acr_values=c1")["id_token"]);
        let generic = jane(Shape::GENERIC);
        assert_eq!((&generic["amr"], &generic["acr"]), (&json!(["pwd", "mfa"]), &json!("c1")));
        assert!(generic["sid"].is_string() && generic["at_hash"].is_string());
        let v1 = jane(Shape { manner: Manner::V1, tenant: None });
        assert_eq!((&v1["ver"], &v1["amr"]), (&json!("1.0"), &json!(["pwd", "mfa"])));
        let v2 = jane(Shape { manner: Manner::V2, tenant: None });
        assert_eq!((&v2["ver"], v2.get("amr")), (&json!("2.0"), None));
        assert_eq!(v2["iss"], format!("http://127.0.0.1:9/{}/v2.0", crate::people::CONTOSO));
    }

    #[test]
    fn a_fault_puts_another_token_in_place_of_the_id_token() {
        let state = state(&Clock::system());
        let put = |kind| {
            state.faults.change(|set| set.id_token.kind = kind);
            sign_in(&state, Shape::GENERIC, "scope=openid&login_hint=jane")
        };
        let logout = claims(&put(Kind::LogoutToken)["id_token"]);
        assert!(logout["events"].is_object() && logout["nonce"] == "n", "{logout}");
        let access = put(Kind::AccessToken);
        assert_eq!(access["id_token"], access["access_token"]);
    }
}
