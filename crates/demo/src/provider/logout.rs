//! The end-session endpoint (OpenID Connect RP-Initiated Logout), with the front channel.

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::answer::{Answer, see_other};
use super::back_channel::end_sessions;
use super::browsers::{Account, Visitor};
use super::clients::FrontChannel;
use super::form::Form;
use super::html::Allowed;
use super::page::PAGES;
use super::shape::Shape;
use super::state::State;
use super::steps::hinted;

/// Ends the session that a hint names, or asks whether to end those of this browser.
pub(crate) async fn end_session(state: &State, shape: Shape, form: &Form, visitor: &Visitor) -> Answer {
    // The hint may have expired long ago (RP-Initiated Logout §2).
    let hint = form.get("id_token_hint").and_then(|token| state.keys.verified(token));
    let back = back(state, hint.as_ref(), form);
    let browser = visitor.browser.as_deref().unwrap_or_default();
    let here = state.browsers.accounts(browser);
    let sid = hint.as_ref().and_then(|hint| hint["sid"].as_str());
    let login = form.get("logout_hint").and_then(|hint| hinted(&state.people, hint)).map(|person| &person.login);
    let confirmed = form.get("confirm").is_some();
    let ended = match (sid, login) {
        (Some(sid), _) => end_sessions(state, false, |_, account| account.sid == sid).await.0,
        (None, Some(login)) => {
            end_sessions(state, false, |id, account| id == browser && account.login == *login).await.0
        }
        (None, None) if confirmed => end_sessions(state, false, |id, _| id == browser).await.0,
        (None, None) if !here.is_empty() => return ask(state, shape, form, &here),
        (None, None) => Vec::new(),
    };
    signed_out(state, &ended, back.as_ref())
}

/// Where the browser goes afterwards: an address that the client may name (RP-Initiated Logout §3).
fn back(state: &State, hint: Option<&Value>, form: &Form) -> Option<Url> {
    let client = form.get("client_id").or_else(|| hint.and_then(|hint| hint["aud"].as_str()))?;
    let mut back = state.clients.post_logout_redirect_uri(client, form.get("post_logout_redirect_uri")?)?;
    if let Some(state) = form.get("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    Some(back)
}

/// Asks, since any site can send a browser here without a hint (RP-Initiated Logout §6).
fn ask(state: &State, shape: Shape, form: &Form, here: &[Account]) -> Answer {
    let names = here.iter().filter_map(|account| state.people.iter().find(|person| person.login == account.login));
    let names: Vec<_> = names.map(|person| person.upn.clone()).collect();
    let address = shape.address("/", super::shape::Endpoint::EndSession);
    let content = json!({
        "title": "Sign out?", "names": names, "action": address, "fields": form.pairs(),
    });
    PAGES.page(StatusCode::OK, "sign_out.html", &content)
}

/// The page after it, or a redirect if no application has a frame to show.
fn signed_out(state: &State, ended: &[Account], back: Option<&Url>) -> Answer {
    let frames: Vec<_> = ended.iter().flat_map(|account| frames(state, account)).collect();
    match back {
        Some(back) if frames.is_empty() => see_other(back),
        _ => {
            let origins: Vec<_> = frames.iter().map(|frame| frame.origin().ascii_serialization()).collect();
            let addresses: Vec<_> = frames.iter().map(Url::as_str).collect();
            let content = json!({
                "title": "You are signed out",
                "frames": addresses,
                "back": back.map(Url::as_str),
                // By then the frames are loaded.
                "refresh": back.map(|back| format!("2;url={back}")),
            });
            PAGES.page_with(StatusCode::OK, "signed_out.html", &content, Allowed { frames: &origins, script: None })
        }
    }
}

/// The frames of a session's applications (OpenID Connect Front-Channel Logout §3).
fn frames(state: &State, account: &Account) -> Vec<Url> {
    let frame = |(client, shape): &(crate::people::Client, Shape)| {
        let registration = state.clients.of(client.id);
        let mut frame = Url::parse(&registration.frontchannel_logout_uri?).ok()?;
        let person = state.people.iter().find(|person| person.login == account.login)?;
        let sends = registration.frontchannel_sends;
        if sends == FrontChannel::IssAndSid {
            frame.query_pairs_mut().append_pair("iss", &shape.issuer_for(&state.issuer, person));
        }
        if sends != FrontChannel::Nothing {
            frame.query_pairs_mut().append_pair("sid", &account.sid);
        }
        Some(frame)
    };
    account.clients.iter().filter_map(frame).collect()
}
