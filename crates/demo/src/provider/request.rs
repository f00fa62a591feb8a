//! An authorization request, read and found to be well-formed (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

use std::time::Duration;

use url::Url;

use super::clients::Clients;
use super::error::OAuthError;
use super::form::Form;
use super::shape::{Manner, Shape};
use super::wanted::Wanted;
use crate::people::{Client, MFA};
use mfa_gateway_core::clock::Timestamp;

/// The scopes that OpenID Connect defines and this provider grants; others are ignored (OpenID Connect Core §3.1.2.1).
pub(crate) const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Where the response goes: a known application, at an address that it may use.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) redirect_uri: Url,
    /// The address as it was given: the token request must repeat it so (RFC 6749 §4.1.3).
    pub(crate) redirect_text: String,
    pub(crate) mode: ResponseMode,
    pub(crate) state: Option<String>,
    pub(crate) shape: Shape,
}

/// How the response gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    /// In the query of a redirect.
    Query,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// A well-formed request.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) target: Target,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) wanted: Wanted,
    /// The user that is asked for, as the client says it.
    pub(crate) hint: Option<String>,
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<Duration>,
}

/// What the parameter `prompt` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// No page may be shown.
    pub(crate) none: bool,
    /// The user is to give the first factor again.
    pub(crate) login: bool,
    /// The user is to choose an account.
    pub(crate) select_account: bool,
}

impl Target {
    /// Reads what must be known before an error may be redirected (RFC 6749 §4.1.2.1).
    pub(crate) fn parse(clients: &Clients, form: &Form, shape: Shape) -> Result<Self, OAuthError> {
        let id = form.need("client_id", "client_id is missing or repeated")?;
        let client = Client::find(id).ok_or(OAuthError::invalid_client("client_id is unknown"))?;
        let given = form.need("redirect_uri", "redirect_uri is missing or repeated")?;
        let redirect_uri = clients.redirect_uri(id, given).ok_or(OAuthError::invalid_request(
            "redirect_uri must be an address on this machine, without user name and fragment, or a registered one",
        ))?;
        let mode =
            if form.get("response_mode") == Some("form_post") { ResponseMode::FormPost } else { ResponseMode::Query };
        let state = form.get("state").map(str::to_owned);
        Ok(Self { client, redirect_uri, redirect_text: given.to_owned(), mode, state, shape })
    }
}

impl AuthorizationRequest {
    /// Reads the rest of the request.
    pub(crate) fn parse(target: Target, form: &Form) -> Result<Self, OAuthError> {
        form.sound()?;
        supported(form, target.shape)?;
        let challenge = challenge(form)?.to_owned();
        let max_age = form.get("max_age").map(|text| {
            text.parse().map(Duration::from_secs).map_err(|_| OAuthError::invalid_request("max_age must be a number"))
        });
        Ok(Self {
            challenge,
            nonce: form.get("nonce").map(str::to_owned),
            scopes: form.words("scope").filter(|scope| SCOPES.contains(scope)).map(str::to_owned).collect(),
            audience: form.audience().map(str::to_owned),
            wanted: Wanted::parse(form),
            hint: form.get("login_hint").map(str::to_owned),
            prompt: Prompt::parse(form)?,
            max_age: max_age.transpose()?,
            target,
        })
    }

    /// Whether the user is to give the first factor again, after having given it at this time.
    pub(crate) fn wants_fresh(&self, auth_time: Timestamp, now: Timestamp) -> bool {
        self.prompt.login || self.max_age.is_some_and(|max_age| max_age.is_zero() || now.since(auth_time) > max_age)
    }
}

impl Prompt {
    fn parse(form: &Form) -> Result<Self, OAuthError> {
        let has = |value| form.words("prompt").any(|word| word == value);
        if has("none") && form.words("prompt").count() > 1 {
            return Err(OAuthError::invalid_request("prompt=none can't be combined with other values"));
        }
        Ok(Self { none: has("none"), login: has("login"), select_account: has("select_account") })
    }
}

/// Refuses what the metadata doesn't offer.
fn supported(form: &Form, shape: Shape) -> Result<(), OAuthError> {
    if form.get("request").is_some() {
        return Err(OAuthError::new("request_not_supported", "request objects are not supported"));
    }
    if form.get("request_uri").is_some() {
        return Err(OAuthError::new("request_uri_not_supported", "request objects are not supported"));
    }
    if form.need("response_type", "response_type is missing")? != "code" {
        return Err(OAuthError::new("unsupported_response_type", "only response_type=code is supported"));
    }
    if form.get("response_mode").is_some_and(|mode| !["query", "form_post"].contains(&mode)) {
        return Err(OAuthError::invalid_request("only response_mode=query and form_post are supported"));
    }
    if shape.manner == Manner::V2 && form.words("amr_values").any(|method| method == MFA) {
        return Err(OAuthError::invalid_request("AADSTS901002: The 'amr_values' request parameter is not supported."));
    }
    Ok(())
}

/// The S256 challenge. Without it, and with `plain`, the request is refused (RFC 7636 §4.4.1).
fn challenge(form: &Form) -> Result<&str, OAuthError> {
    let challenge = form.need("code_challenge", "code challenge required")?;
    if form.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return Err(OAuthError::invalid_request("code_challenge must be a SHA-256 in base64url"));
    }
    Ok(challenge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PORTAL_CLIENT_ID;

    const BASE: &str = "redirect_uri=http://127.0.0.1:9/cb&response_type=code&\
                        code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn entra(manner: Manner) -> Shape {
        Shape { manner, tenant: None }
    }

    fn parsed(more: &str, shape: Shape) -> Result<AuthorizationRequest, OAuthError> {
        let form = Form::parse(format!("client_id={PORTAL_CLIENT_ID}&{BASE}&{more}").as_bytes());
        AuthorizationRequest::parse(Target::parse(&Clients::default(), &form, shape)?, &form)
    }

    #[test]
    fn a_challenge_is_needed_and_never_plain() {
        let challenge_of = |query: &str| challenge(&Form::parse(query.as_bytes())).map(str::to_owned);
        let value = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(challenge_of(&format!("code_challenge={value}&code_challenge_method=S256")).is_ok());
        assert!(challenge_of(&format!("code_challenge={value}")).is_err());
        assert!(challenge_of("code_challenge=short&code_challenge_method=S256").is_err());
        assert!(challenge_of("").is_err());
    }

    #[test]
    fn what_the_metadata_does_not_offer_is_refused() {
        for (more, code) in [
            ("request=x", "request_not_supported"),
            ("request_uri=x", "request_uri_not_supported"),
            ("response_mode=fragment", "invalid_request"),
            ("prompt=none+login", "invalid_request"),
            ("max_age=soon", "invalid_request"),
            ("nonce=1&nonce=2", "invalid_request"),
        ] {
            assert_eq!(parsed(more, Shape::GENERIC).unwrap_err().code, code, "{more}");
        }
        assert!(parsed("amr_values=mfa", entra(Manner::V1)).unwrap().wanted.mfa);
        assert!(parsed("amr_values=mfa", entra(Manner::V2)).unwrap_err().description.starts_with("AADSTS901002"));
    }

    #[test]
    fn a_sign_in_is_too_old_after_max_age_and_always_for_zero() {
        let at = Timestamp::from_secs;
        let fresh = |more: &str, now| parsed(more, Shape::GENERIC).unwrap().wants_fresh(at(100), at(now));
        assert_eq!([fresh("max_age=60", 160), fresh("max_age=60", 161)], [false, true]);
        assert_eq!([fresh("max_age=0", 100), fresh("prompt=login", 100), fresh("", 9_999)], [true, true, false]);
    }
}
