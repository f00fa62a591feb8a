//! The authorization endpoint: the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, OpenID Connect Core
//! §3.1.2).

use std::net::IpAddr;

use url::{Host, Url};

use super::answer::{Answer, see_other};
use super::error::OAuthError;
use super::form::Form;
use super::grants::{Binding, SignIn};
use super::page;
use super::state::State;
use crate::people::{Client, Person};

/// The scopes that OpenID Connect defines and this provider grants; others are ignored (OpenID Connect Core §3.1.2.1).
pub(crate) const SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Answers an authorization request.
///
/// A `login_hint` that names a user signs them in; without one, a page asks. A wish for MFA or for a fresh sign-in
/// is heard (every sign-in is fresh), but a person's `amr` stays what it is: the gateway has to look again.
pub(crate) fn authorize(state: &State, form: &Form) -> Answer {
    // Until these two are known to be good, an error must not be redirected (RFC 6749 §4.1.2.1).
    let target = match Target::parse(form) {
        Ok(target) => target,
        Err(error) => return page::problem(error.description),
    };
    match sign_in(state, &target, form) {
        Ok(Outcome::Code(code)) => target.redirect(state, form, &[("code", &code)]),
        Ok(Outcome::Choose) => page::chooser(form, &state.people),
        Err(error) => target.redirect(state, form, &[("error", error.code), ("error_description", error.description)]),
    }
}

enum Outcome {
    Code(String),
    Choose,
}

/// Where the response goes: a known application, at an address on this machine.
struct Target {
    client: Client,
    redirect_uri: Url,
}

impl Target {
    fn parse(form: &Form) -> Result<Self, OAuthError> {
        let id = form.need("client_id", "client_id is missing or repeated")?;
        let client = Client::find(id).ok_or(OAuthError::invalid_client("client_id is unknown"))?;
        let given = form.need("redirect_uri", "redirect_uri is missing or repeated")?;
        let redirect_uri = Url::parse(given).ok().filter(is_loopback).ok_or(OAuthError::invalid_request(
            "redirect_uri must be an http address on this machine, without user name and fragment",
        ))?;
        Ok(Self { client, redirect_uri })
    }

    fn redirect(&self, state: &State, form: &Form, answer: &[(&str, &str)]) -> Answer {
        let mut location = self.redirect_uri.clone();
        let mut query = location.query_pairs_mut();
        query.extend_pairs(answer);
        if let Some(state) = form.get("state") {
            query.append_pair("state", state);
        }
        // RFC 9207 §2: the client can tell which provider answered.
        query.append_pair("iss", &state.issuer);
        drop(query);
        see_other(&location)
    }
}

/// Any port will do, as RFC 8252 §7.3 has it for native applications.
fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    local && url.scheme() == "http" && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}

fn sign_in(state: &State, target: &Target, form: &Form) -> Result<Outcome, OAuthError> {
    form.sound()?;
    supported(form)?;
    let challenge = challenge(form)?;
    let silent = form.words("prompt").any(|prompt| prompt == "none");
    if silent && form.words("prompt").count() > 1 {
        return Err(OAuthError::invalid_request("prompt=none can't be combined with other values"));
    }
    let hint = form.get("login_hint");
    let person = hint.and_then(|hint| state.people.iter().find(|person| person.login == hint || person.upn == hint));
    match person {
        None if silent => Err(OAuthError::new("login_required", "prompt=none needs a login_hint that names a user")),
        None => Ok(Outcome::Choose),
        Some(person) => grant(state, target, form, person, challenge).map(Outcome::Code),
    }
}

/// Refuses what the metadata doesn't offer.
fn supported(form: &Form) -> Result<(), OAuthError> {
    if form.get("request").is_some() {
        return Err(OAuthError::new("request_not_supported", "request objects are not supported"));
    }
    if form.get("request_uri").is_some() {
        return Err(OAuthError::new("request_uri_not_supported", "request objects are not supported"));
    }
    if form.need("response_type", "response_type is missing")? != "code" {
        return Err(OAuthError::new("unsupported_response_type", "only response_type=code is supported"));
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(OAuthError::invalid_request("only response_mode=query is supported"));
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

fn grant(state: &State, target: &Target, form: &Form, person: &Person, challenge: &str) -> Result<String, OAuthError> {
    let sign_in = SignIn {
        person: person.clone(),
        client: target.client,
        time: state.clock.now(),
        scopes: form.words("scope").filter(|scope| SCOPES.contains(scope)).map(str::to_owned).collect(),
        audience: form.audience().map(str::to_owned),
        nonce: form.get("nonce").map(str::to_owned),
    };
    // The token request must repeat the address as it was given, not as it was parsed (RFC 6749 §4.1.3).
    let redirect_uri = form.get("redirect_uri").unwrap_or_default().to_owned();
    state.grants.issue_code(sign_in, Binding { redirect_uri, challenge: challenge.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_this_machine_are_redirected_to() {
        let good = ["http://127.0.0.1:8080/callback?x=1", "http://localhost/", "http://[::1]:9/cb"];
        let bad = [
            "https://evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "http://user@localhost/",
            "http://localhost/#fragment",
            "https://localhost/",
            "javascript:alert(1)",
        ];
        for (addresses, expected) in [(&good[..], true), (&bad[..], false)] {
            for address in addresses {
                assert_eq!(Url::parse(address).is_ok_and(|url| is_loopback(&url)), expected, "{address}");
            }
        }
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
}
