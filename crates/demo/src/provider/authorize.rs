//! The authorization endpoint: the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, OpenID Connect Core
//! §3.1.2).

use std::sync::PoisonError;

use http::HeaderValue;
use http::header::SET_COOKIE;

use super::answer::Answer;
use super::browsers::{Account, Visitor};
use super::error::OAuthError;
use super::form::Form;
use super::grants::{Binding, SignIn, secret};
use super::interaction::{Interaction, Progress};
use super::page;
use super::request::{AuthorizationRequest, Target};
use super::respond::{Outcome, respond};
use super::shape::Shape;
use super::state::State;
use super::steps::{SignedIn, Step, View, next};
use crate::people::Person;

/// The context of a sign-in with a password, and of one with MFA if no other was asked for.
const ACR: [&str; 2] = ["1", "mfa"];

/// Answers an authorization request: with a page, or with the response if nothing is to be asked.
///
/// In a client that shows no pages, a `login_hint` that names a user signs them in at once; only a second factor that
/// isn't part of their every sign-in needs a page.
pub(crate) fn authorize(state: &State, shape: Shape, form: Form, visitor: &Visitor) -> Answer {
    let form = match pushed(state, form) {
        Ok(form) => form,
        Err(error) => return page::problem(error.description),
    };
    // Until these two are known to be good, an error must not be redirected (RFC 6749 §4.1.2.1).
    let target = match Target::parse(&state.clients, &form, shape) {
        Ok(target) => target,
        Err(error) => return page::problem(error.description),
    };
    let fault = state.faults.now().authorize;
    let request = match AuthorizationRequest::parse(target.clone(), &form) {
        Ok(request) if fault.error.is_none() || fault.code_too => request,
        Ok(_) => return respond(&target, Outcome::Error(OAuthError::server_error("a fault")), &state.issuer, &fault),
        Err(error) => return respond(&target, Outcome::Error(error), &state.issuer, &fault),
    };
    let known = visitor.browser.clone().filter(|browser| !browser.is_empty());
    let (id, browser) = (secret::<16>(), known.map_or_else(secret::<16>, Ok));
    match (id, browser) {
        (Ok(id), Ok(browser)) => {
            let interaction = Interaction { id, browser, request, progress: Progress::default() };
            advance(state, interaction, visitor.shows_pages)
        }
        (Err(error), _) | (_, Err(error)) => respond(&target, Outcome::Error(error), &state.issuer, &fault),
    }
}

/// The request that was pushed, if this one points to it (RFC 9126 §4).
fn pushed(state: &State, form: Form) -> Result<Form, OAuthError> {
    let uri = form.get("request_uri").filter(|uri| uri.starts_with("urn:"));
    match uri {
        Some(uri) => {
            let kept = state.pushed.take(uri, form.get("client_id"), state.clock.now());
            kept.ok_or(OAuthError::invalid_request("the request_uri is unknown, used, expired or of another client"))
        }
        None if state.faults.now().require_pushed => {
            Err(OAuthError::invalid_request("authorization requests must be pushed"))
        }
        None => Ok(form),
    }
}

/// The next step of a sign-in, as it stands.
pub(crate) fn step_of(state: &State, interaction: &Interaction, shows_pages: bool) -> (Step, Vec<Account>) {
    let accounts = state.browsers.accounts(&interaction.browser);
    let step = next(&View {
        request: &interaction.request,
        progress: &interaction.progress,
        accounts: &accounts,
        people: &state.people,
        registered: &|person| state.is_registered(person),
        fault: &state.faults.now().sign_in,
        shows_pages,
        now: state.clock.now(),
    });
    (step, accounts)
}

/// Carries out the next step of a sign-in.
pub(crate) fn advance(state: &State, interaction: Interaction, shows_pages: bool) -> Answer {
    let (step, accounts) = step_of(state, &interaction, shows_pages);
    let browser = interaction.browser.clone();
    let answer = if let Some(page) = page::step(&step, &interaction, &state.people, &accounts) {
        state.interactions.keep(interaction);
        page
    } else {
        let outcome = match step {
            Step::Finish(person, signed_in) => finish(state, &interaction, &person, signed_in),
            Step::Refuse(error) => Err(error),
            _ => Err(OAuthError::server_error("a step without a page")),
        };
        end(state, &interaction, outcome)
    };
    with_browser(state, answer, &browser)
}

/// Ends a sign-in with its response.
pub(crate) fn end(state: &State, interaction: &Interaction, outcome: Result<String, OAuthError>) -> Answer {
    state.interactions.end(&interaction.id);
    let outcome = outcome.map_or_else(Outcome::Error, Outcome::Code);
    respond(&interaction.request.target, outcome, &state.issuer, &state.faults.now().authorize)
}

/// Keeps the session and returns the code.
fn finish(
    state: &State,
    interaction: &Interaction,
    person: &Person,
    signed_in: SignedIn,
) -> Result<String, OAuthError> {
    let AuthorizationRequest { target, challenge, nonce, scopes, audience, wanted, .. } = &interaction.request;
    let known = state.browsers.accounts(&interaction.browser);
    let known = known.into_iter().find(|account| account.login == person.login);
    let (sid, mut clients, mut mfa_in) = match known {
        // MFA counts for as long as the first factor that it followed.
        Some(account) if account.auth_time == signed_in.auth_time => (account.sid, account.clients, account.mfa_in),
        Some(account) => (account.sid, account.clients, Vec::new()),
        None => (secret::<16>()?, Vec::new(), Vec::new()),
    };
    if !clients.contains(&(target.client, target.shape)) {
        clients.push((target.client, target.shape));
    }
    let SignedIn { auth_time, mfa, told } = signed_in;
    let here = target.shape.tenant_of(person);
    if mfa && !target.shape.counts(person, &mfa_in) {
        mfa_in.push(here.to_owned());
    }
    let account = Account { login: person.login.clone(), sid: sid.clone(), auth_time, mfa_in: mfa_in.clone(), clients };
    state.browsers.keep(&interaction.browser, account);
    mfa_in.retain(|tenant| told || tenant != here);
    let [password, default] = ACR;
    let acr = if told { wanted.acr.as_deref().unwrap_or(default) } else { password };
    let sign_in = SignIn {
        person: person.clone().with_methods(told),
        mfa_in,
        client: target.client,
        shape: target.shape,
        sid,
        time: auth_time,
        granted: state.clock.now(),
        acr: acr.to_owned(),
        acrs: if told { wanted.acrs.clone() } else { Vec::new() },
        scopes: scopes.clone(),
        audience: audience.clone(),
        nonce: nonce.clone(),
    };
    let binding = Binding { redirect_uri: target.redirect_text.clone(), challenge: challenge.clone() };
    state.grants.issue_code(sign_in, binding)
}

/// Has the browser keep its id. Without `Secure`, which plain HTTP on loopback doesn't allow in every browser.
fn with_browser(state: &State, mut answer: Answer, browser: &str) -> Answer {
    let cookie = format!("{}={browser}; Path=/; HttpOnly; SameSite=Lax", state.cookie());
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// Forgets that anyone has registered for MFA.
pub(crate) fn forget_registrations(state: &State) {
    state.registered.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
