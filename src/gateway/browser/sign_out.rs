//! Signing out: here first, then at the issuer.

use http::{Method, Response};
use mfa_gateway_wire::Body;

use super::navigation::is_of_own_page;
use super::own_request::OwnRequest;
use super::start::{add, see_other};
use crate::pages::{Action, Does, Kind, SignedOut};
use crate::session::clear_cookie;

/// Asks whether to sign out, or does it.
pub(super) async fn respond(request: OwnRequest<'_>) -> Response<Body> {
    let door = request.door;
    if *request.method != Method::POST {
        let path = door.path("sign-out");
        let session = door.sign_in.current(request.cookies).await;
        let person = session.as_ref().and_then(|session| door.sign_in.person(&session.record));
        let mut page = request
            .page(Kind::ConfirmSignOut)
            .of(person.as_deref())
            .with(Action::post(Does::SignOut, path.as_str()))
            .with(Action::post(Does::SignOutEverywhere, path.as_str()).with("everywhere", "yes"))
            .with(Action::link(Does::Sessions, door.path("sessions")));
        if let Some(origin) = door.sign_in.issuer_origin() {
            page = page.redirecting_to(origin);
        }
        return request.respond(&page);
    }
    if !is_of_own_page(request.headers, &door.origin, false) {
        return request
            .respond(&request.page(Kind::CrossSite).with(Action::link(Does::SignOut, door.path("sign-out"))));
    }
    let mut response = match door.sign_in.current(request.cookies).await {
        Some(session) => {
            let everywhere = request.field("everywhere").is_some();
            let off = door.sign_in.sign_out(&session.record, everywhere).await;
            match off.issuer {
                Some(issuer) => see_other(&issuer),
                None if off.is_delayed => see_other(&[&door.path("signed-out"), "?delayed"].concat()),
                None => see_other(&door.path("signed-out")),
            }
        }
        None => see_other(&door.path("signed-out")),
    };
    add(response.headers_mut(), clear_cookie(door.sign_in.settings().cookie.session()));
    response
}

/// The page after a sign-out. It is outside every protection, and begins no sign-in.
pub(super) fn signed_out(request: &OwnRequest<'_>) -> Response<Body> {
    let door = request.door;
    let how_far = match request.query {
        "delayed" => SignedOut::Delayed,
        _ if door.sign_in.settings().logout.of_issuer && door.sign_in.issuer_origin().is_some() => {
            SignedOut::Everywhere
        }
        _ => SignedOut::Here,
    };
    request.respond(&request.page(Kind::SignedOut(how_far)).with(Action::link(Does::SignIn, door.path("sign-in"))))
}
