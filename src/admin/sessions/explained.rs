//! A session, explained: what the gateway would decide about a request with it.

use std::sync::Arc;

use http::StatusCode;

use super::detail::SessionDetail;
use super::{sessions, unavailable};
use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::gateway::explain::Explanation;
use crate::gateway::explain_session::{Found, explain};
use crate::gateway::{Live, Notice, Question};
use crate::session::SessionId;

const NOT_AN_ID: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The `session` is not the id of a session.",
    remedy: "Send an id as `/sessions` and the page of own sessions show it: 22 letters, digits, `-` and `_`.",
};

/// Explains a request with the session of an id.
pub(in crate::admin) async fn of_session(
    admin: &Arc<Admin>,
    live: &Live,
    question: &Question<'_>,
    id: &str,
) -> Result<Explanation, Refused> {
    let sessions = sessions(admin)?;
    let id = SessionId::parse(id.trim()).ok_or_else(|| Refused::from(&NOT_AN_ID))?.to_string();
    let row = sessions.store().session(&id).await.map_err(|error| unavailable(&error))?;
    let Some(row) = row else {
        let why = format!("there is no session {id}: nobody began it, or it expired and was removed");
        return Ok(explain(live, question, Err(why)));
    };
    let sign_in = row.begun.sign_in.clone();
    let door = live.doors.iter().find(|door| door.sign_in.settings().name == sign_in);
    let proof = door.and_then(|door| door.sign_in.recall(&row));
    let detail = SessionDetail::of(row, sessions, live);
    let mut told = detail.told();
    let proof = if detail.is_live() { proof } else { None };
    if detail.is_live() && proof.is_none() {
        told.push_str(match door {
            None => "; no sign-in of this name is configured any more",
            Some(_) => "; its evidence can't be read: the key that sealed it is not among the sealing keys",
        });
    }
    Ok(explain(live, question, Ok(&Found { sign_in: &sign_in, told, proof })))
}
