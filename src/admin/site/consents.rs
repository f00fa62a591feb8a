//! The page of consents: how each does, and what an operator can do about it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use super::form::Form;
use super::frame::{Frame, Tab, left, see_other};
use super::who::Who;
use crate::admin::consents::{find, sentence, withdraw_as};
use crate::admin::context::Admin;
use crate::consent::{ConsentState, Kept, SOON};
use crate::gateway::Live;
use crate::pages::{Moment, short};

pub(super) const PATH: &str = "/site/consents";

/// Where the issuer sends the browser back to: a redirect URI of the client's registration.
pub(super) const BACK: &str = "/site/consents/back";

/// How many of them the overview looks at.
const MOST: usize = 100;

#[derive(Default, Serialize)]
struct Consents {
    rows: Vec<Row>,
    /// Whether a consent can be given in this browser.
    can_give: bool,
    trouble: Option<&'static str>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    state: String,
    kind: &'static str,
    why: String,
    remedy: &'static str,
    is_absent: bool,
    mfa: bool,
    user: String,
    id: String,
    tenant: String,
    given: Option<Moment>,
    given_by: String,
    used: Option<Moment>,
    lapses: Option<Moment>,
    left: Option<(&'static str, String)>,
}

/// Lists consents.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    let live = admin.live.load_full();
    let mut page = Consents { can_give: address(&admin).is_some(), ..Consents::default() };
    for keeper in live.keepers.iter() {
        match keeper.kept().await {
            Ok(kept) => page.rows.push(Row::of(&kept, live.clock.now())),
            Err(error) => {
                tracing::warn!(kind = error.kind(), %error, "the store of consents failed an operator");
                page.trouble = Some("The store does not respond: how consents do can't be shown now.");
                break;
            }
        }
    }
    let frame = Frame::new(&admin, &who, Tab::Consents).done(done(uri.query().unwrap_or_default()));
    frame.page("consents.html", page)
}

/// Where the issuer sends a browser back to, if operators sign in with one.
pub(super) fn address(admin: &Admin) -> Option<String> {
    let state = admin.state.load();
    let own = state.config.sign_ins.iter().find(|sign_in| sign_in.for_operators)?;
    own.public.join(BACK).ok().map(String::from)
}

/// What was just done, by a word in the address: it repeats no text of it.
fn done(query: &str) -> Option<String> {
    let (_, word) = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done")?;
    let said = match &*word {
        "with_mfa" => "The issuer gave an access token with MFA.",
        "without_mfa" => "The issuer gave an access token without MFA: what requires MFA refuses it.",
        "unread" => "The issuer gave an access token, which only its audience can read.",
        "withdrawn" => "The consent was withdrawn: its refresh token is erased.",
        "none" => "There was no refresh token.",
        _ => return None,
    };
    Some(said.to_owned())
}

/// Leads to the list: a step-up returns here after a form that it interrupted.
pub(super) async fn again() -> Response {
    see_other(PATH)
}

/// Uses a consent's refresh token, to see whether it works.
pub(super) async fn try_it(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Consents);
    let Some(keeper) = find(&admin, form.field("consent")) else { return unknown(&frame) };
    match keeper.try_it().await {
        Ok(issued) => {
            let word = match issued.mfa {
                Some(true) => "with_mfa",
                Some(false) => "without_mfa",
                None => "unread",
            };
            see_other(&format!("{PATH}?done={word}"))
        }
        Err(error) => {
            let status = if error.is_passing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
            frame.message(status, &sentence(&error.to_string()), error.remedy(), PATH)
        }
    }
}

/// Erases a consent's refresh token.
pub(super) async fn withdraw(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Consents);
    let Some(keeper) = find(&admin, form.field("consent")) else { return unknown(&frame) };
    if form.field("sure") != "yes" {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return frame.message(status, "The withdrawal is not confirmed.", "Tick the box beside the button.", PATH);
    }
    match withdraw_as(form.who.name(), &keeper).await {
        Ok(withdrawn) => see_other(&format!("{PATH}?done={}", if withdrawn { "withdrawn" } else { "none" })),
        Err(error) => {
            tracing::warn!(kind = error.kind(), %error, "the store of consents failed an operator");
            frame.message(
                StatusCode::SERVICE_UNAVAILABLE,
                "The store does not respond.",
                "Try again in a moment.",
                PATH,
            )
        }
    }
}

pub(super) fn unknown(frame: &Frame<'_>) -> Response {
    let description = "The configuration has no consent of this name.";
    frame.message(StatusCode::NOT_FOUND, description, "Add it to `consents`, and reload.", PATH)
}

impl Row {
    fn of(kept: &Kept, now: Timestamp) -> Self {
        let time = |text: &Option<String>| text.as_deref().and_then(Timestamp::parse);
        let text = |text: &str| short(text).into_owned();
        let state = ConsentState::named(kept.state);
        let display = if kept.display.is_empty() { &kept.user } else { &kept.display };
        Self {
            name: text(&kept.name),
            state: kept.state.replace('_', " "),
            kind: kind(state),
            why: text(&kept.why),
            remedy: kept.remedy,
            is_absent: state == ConsentState::Absent,
            mfa: kept.mfa,
            user: text(display),
            id: text(&kept.user),
            tenant: text(&kept.tenant),
            given: time(&kept.given).map(Moment::of),
            given_by: text(&kept.given_by),
            used: time(&kept.used).map(Moment::of),
            lapses: time(&kept.lapses).map(Moment::of),
            left: time(&kept.lapses).map(|lapses| left(lapses, now, SOON, "lapsed")),
        }
    }
}

/// What needs attention, with its mark. A store that doesn't respond is asked once.
pub(super) async fn troubles(live: &Live) -> Vec<(&'static str, String)> {
    let (now, mut troubles) = (live.clock.now(), Vec::new());
    for keeper in live.keepers.iter().take(MOST) {
        let Ok(kept) = keeper.kept().await else {
            troubles.push(("bad", "the store does not respond".to_owned()));
            break;
        };
        let name = short(&kept.name);
        let lapses = kept.lapses.as_deref().and_then(Timestamp::parse).map(|at| left(at, now, SOON, "lapsed"));
        match (kind(ConsentState::named(kept.state)), lapses) {
            (kind @ ("warn" | "bad"), _) => troubles.push((kind, format!("{name}: {}", kept.state.replace('_', " ")))),
            (_, Some((kind @ ("warn" | "bad"), left))) => troubles.push((kind, format!("{name} lapses: {left}"))),
            _ => {}
        }
    }
    troubles
}

/// How a state is marked.
fn kind(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Alive => "good",
        ConsentState::Absent | ConsentState::NoMfa => "warn",
        ConsentState::Withdrawn => "",
        ConsentState::ReconsentMfa
        | ConsentState::Reconsent
        | ConsentState::ClientCredential
        | ConsentState::Blocked
        | ConsentState::Foreign
        | ConsentState::Sealed => "bad",
    }
}
