//! The page of people's sessions: listed, and ended.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::form::Form;
use super::frame::{Frame, Tab, see_other};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::sessions::{Asked, EndQuestion, SessionDetail, end_as, listed};
use crate::gateway::SignedIn;
use crate::pages::{Moment, short};
use mfa_gateway_core::clock::Timestamp;

const PATH: &str = "/site/sessions";

#[derive(Serialize)]
struct Sessions<'p> {
    asked: &'p Asked,
    sessions: Vec<Row>,
    next: Option<String>,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    user: String,
    issuer: String,
    tenant: String,
    own: bool,
    live: bool,
    standing: &'static str,
    kind: &'static str,
    why: Option<String>,
    mfa: bool,
    sign_in: String,
    created: Option<Moment>,
    last_seen: Option<Moment>,
    expires: Option<Moment>,
}

/// Lists sessions.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Sessions);
    let query = uri.query().unwrap_or_default();
    let Some(asked) = Asked::of_form(query) else {
        let remedy = "Choose the sessions with the form of the page.";
        return frame.message(StatusCode::BAD_REQUEST, "The address has a wrong parameter.", remedy, PATH);
    };
    let own = who.signed_in().map(SignedIn::id);
    let mut page = Sessions { asked: &asked, sessions: Vec::new(), next: None, trouble: None };
    match listed(&admin, &asked).await {
        Ok(answer) => {
            page.next = answer.next.map(|after| format!("{PATH}?{}", asked.query_after(&after)));
            page.sessions = answer.sessions.iter().map(|detail| row(detail, own.as_deref())).collect();
        }
        Err(refused) => {
            let (_, description, remedy) = refused.told();
            page.trouble = Some(format!("{description} {remedy}"));
        }
    }
    frame.done(done(query)).page("sessions.html", page)
}

/// What was just done, by a number in the address: it repeats no text of it.
fn done(query: &str) -> Option<String> {
    let count =
        url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done")?.1.parse::<u32>().ok()?;
    Some(if count == 1 { "1 session ended.".to_owned() } else { format!("{count} sessions ended.") })
}

fn row(detail: &SessionDetail, own: Option<&str>) -> Row {
    let time = |text: &str| Timestamp::parse(text).map(Moment::of);
    let name = detail.name.as_deref().unwrap_or(&detail.user);
    let kind = if detail.is_live() { "good" } else { "" };
    Row {
        name: short(name).into_owned(),
        own: own == Some(detail.id.as_str()),
        live: detail.is_live(),
        kind,
        standing: detail.standing,
        why: detail.ended.as_ref().map(|ended| ended.why.replace('_', " ")),
        mfa: detail.mfa,
        sign_in: detail.sign_in.clone(),
        created: time(&detail.created),
        last_seen: time(&detail.last_seen),
        expires: time(&detail.expires),
        id: detail.id.clone(),
        user: detail.user.clone(),
        issuer: detail.issuer.clone(),
        tenant: detail.tenant.clone().unwrap_or_default(),
    }
}

/// Ends a session, or all of a user.
pub(super) async fn end(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let asked = match form.field("id") {
        "" => EndQuestion::User {
            user: form.field("user").to_owned(),
            issuer: Some(form.field("issuer").to_owned()),
            tenant: Some(form.field("tenant").to_owned()),
        },
        id => EndQuestion::Id { id: id.to_owned() },
    };
    match end_as(&admin, form.who.name(), asked).await {
        Ok(ended) => see_other(&format!("{PATH}?done={ended}")),
        Err(error) => {
            let (status, description, remedy) = error.told();
            Frame::new(&admin, &form.who, Tab::Sessions).message(status, &description, &remedy, PATH)
        }
    }
}
