//! A user's own sessions: seen, and ended.

use http::{Method, Response};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::Session;
use mfa_gateway_wire::Body;

use super::again::Again;
use super::form_proof::{is_proven, prove};
use super::own_request::OwnRequest;
use super::start::see_other;
use crate::pages::{Action, Does, Kind, Outage, SessionRow};

/// The field that names the session to end.
const END: &str = "session";

/// Lists the sessions of the user who asks, or ends one of them.
pub(super) async fn respond(request: OwnRequest<'_>) -> Response<Body> {
    let (door, path) = (request.door, request.door.path("sessions"));
    let Some(session) = door.sign_in.current(request.cookies).await else {
        let at = request.live.clock.now().as_millis();
        let again = Again { return_path: "/".to_owned(), at, ..Again::default() };
        let page = request.page(Kind::SignInRequired).with(Action::link(Does::SignIn, again.link(door)));
        return request.respond(&page);
    };
    let unavailable = || request.respond(&request.page(Kind::Unavailable(Outage::Store, 5)));
    if *request.method == Method::POST {
        if !is_proven(&request, Some(&session.record)) {
            return request.respond(&request.page(Kind::CrossSite).with(Action::link(Does::Sessions, path)));
        }
        let id = request.field(END).unwrap_or_default();
        return match door.sign_in.end_own(&session.record, &id).await {
            Ok(_) => see_other(&path),
            Err(_) => unavailable(),
        };
    }
    let Ok(rows) = door.sign_in.sessions_of(&session.record).await else { return unavailable() };
    let own = session.record.id.to_string();
    let end = |row: &Session| {
        let action = Action::post(Does::EndSession, path.as_str()).with(END, row.begun.id.as_str());
        prove(action, door, Some(&session.record))
    };
    let row = |row: &Session| SessionRow {
        id: row.begun.id.clone(),
        created: Timestamp::from_secs(row.begun.created),
        expires: Timestamp::from_secs(row.begun.expires),
        seen: Timestamp::from_secs(row.last_seen),
        mfa: row.begun.mfa,
        this_one: row.begun.id == own,
        end: (row.begun.id != own).then(|| end(row)),
    };
    let kind = Kind::Sessions { rows: rows.iter().map(row).collect(), now: request.live.clock.now() };
    let page = request
        .page(kind)
        .of(door.sign_in.person(&session.record).as_deref())
        .with(Action::link(Does::SignOut, door.path("sign-out")))
        .with(Action::link(Does::StartPage, "/"));
    request.respond(&page)
}
