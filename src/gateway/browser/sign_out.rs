//! Signing out: here first, then at the issuer.

use http::{Method, Response};
use mfa_gateway_wire::Body;

use super::form_proof::{is_proven, prove};
use super::own_request::OwnRequest;
use super::start::{add, see_other};
use crate::pages::{Action, Does, Kind, SignedOut};
use crate::session::{DELAYED, Record, clear_cookie};

/// Asks whether to sign out, or does it.
pub(super) async fn respond(request: OwnRequest<'_>) -> Response<Body> {
    let door = request.door;
    let session = door.sign_in.to_sign_out(request.cookies).await;
    if *request.method != Method::POST {
        return ask(&request, session.as_deref());
    }
    // Another site's form comes without the session's cookie (`SameSite=Lax`), and must not clear it either.
    if !is_proven(&request, session.as_deref()) {
        let page = request.page(Kind::CrossSite).with(Action::link(Does::SignOut, door.path("sign-out")));
        return request.respond(&page);
    }
    let path = door.path("signed-out");
    let mut response = match session {
        Some(record) => {
            let off = door.sign_in.sign_out(&record, request.field("everywhere").is_some()).await;
            match off.issuer {
                Some(issuer) => see_other(&issuer),
                None if off.is_delayed => see_other(&[&path, "?state=", DELAYED].concat()),
                None => see_other(&path),
            }
        }
        // Somebody who is signed out already.
        None => see_other(&path),
    };
    let cookie = &door.sign_in.settings().cookie;
    add(response.headers_mut(), clear_cookie(cookie.session()));
    // What was begun in other tabs would sign the person in again.
    for (slot, _) in &request.cookies.attempts {
        add(response.headers_mut(), clear_cookie(&cookie.attempt(slot)));
    }
    if request.cookies.rounds > 0 {
        add(response.headers_mut(), clear_cookie(&cookie.rounds()));
    }
    response
}

fn ask(request: &OwnRequest<'_>, record: Option<&Record>) -> Response<Body> {
    let (door, path) = (request.door, request.door.path("sign-out"));
    let mut page = request.page(Kind::ConfirmSignOut);
    let actions = [
        Action::post(Does::SignOut, path.as_str()),
        Action::post(Does::SignOutEverywhere, path.as_str()).with("everywhere", "yes"),
    ];
    for action in actions {
        page = page.with(prove(action, door, record));
    }
    page = page.with(Action::link(Does::Sessions, door.path("sessions")));
    if let Some(record) = record {
        page = page.of(door.sign_in.person(record).as_deref());
    }
    if let Some(origin) = door.sign_in.issuer_origin() {
        page = page.redirecting_to(origin);
    }
    request.respond(&page)
}

/// The page after a sign-out. It is outside every protection, and begins no sign-in.
pub(super) fn signed_out(request: &OwnRequest<'_>) -> Response<Body> {
    let door = request.door;
    let how_far = match request.parameter("state") {
        Some(state) if state.starts_with(DELAYED) => SignedOut::Delayed,
        _ if door.sign_in.settings().logout.of_issuer && door.sign_in.issuer_origin().is_some() => {
            SignedOut::Everywhere
        }
        _ => SignedOut::Here,
    };
    request.respond(&request.page(Kind::SignedOut(how_far)).with(Action::link(Does::SignIn, door.path("sign-in"))))
}
