//! The start of a sign-in: one redirect to the issuer, with all that the gateway must remember sealed in the browser.

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use mfa_gateway_wire::Body;

use super::again::{AGAIN, Again, RETURN};
use super::door::{Door, id};
use super::json::ForScripts;
use super::navigation::Audience;
use super::own_request::OwnRequest;
use crate::gateway::Live;
use crate::pages::{Action, Does, Failure, FailureKind, Kind, Page};
use crate::session::{CannotBegin, OwnCookies, ReturnPath, Wanted, clear_cookie, set_cookie};

pub(super) use crate::pages::redirect as see_other;
pub(super) use crate::session::Start;

/// The redirect by which a sign-in begins; a page if it can't.
pub(super) async fn redirect(
    door: &Door,
    start: Start<'_>,
    cookies: &OwnCookies,
    request_id: &HeaderValue,
    is_head: bool,
    live: &Live,
) -> Response<Body> {
    let return_path = start.return_path.as_str().to_owned();
    match door.sign_in.begin(start, cookies).await {
        Ok(begun) => {
            let mut response = see_other(&begun.location);
            let lifetime = door.sign_in.settings().times.transaction.as_secs();
            let (name, value) = &begun.cookies.cookie;
            add(response.headers_mut(), set_cookie(name, value, Some(lifetime)));
            for name in &begun.cookies.dropped {
                add(response.headers_mut(), clear_cookie(name));
            }
            response
        }
        Err(error) => {
            let reason = mfa_gateway_core::chain(&error);
            tracing::warn!(request_id = %id(request_id), sign_in = %door.sign_in.settings().name, reason, "a sign-in can't begin");
            let kind = match error {
                CannotBegin::Refused(_) => FailureKind::Setup,
                _ => FailureKind::Unreachable,
            };
            let again = Again { return_path, at: live.clock.now().as_millis(), ..Again::default() };
            let page = Page::new(Kind::SignInFailed(Failure::from(kind)), id(request_id))
                .with(Action::link(Does::TryAgain, again.link(door)));
            door.page(&page, is_head)
        }
    }
}

/// The gateway's own path that begins a sign-in: the links of its pages lead here.
pub(super) async fn respond(request: OwnRequest<'_>) -> Response<Body> {
    let OwnRequest { door, live, .. } = request;
    if let Some(response) = not_opened(&request) {
        return response;
    }
    let settings = door.sign_in.settings();
    let parameter = |name: &str| request.parameter(name);
    let again = parameter(AGAIN).and_then(|sealed| Again::open(&sealed, door, live.clock.now()));
    let session = door.sign_in.current(request.cookies).await;
    let start = if let Some(again) = &again {
        Start {
            return_path: again.return_path(door),
            wanted: again.wanted,
            session: session.as_ref(),
            another_account: again.another_account,
        }
    } else {
        let target = parameter(RETURN).unwrap_or_default();
        let return_path = ReturnPath::of(&target, &settings.base_path);
        // Somebody who is signed in has nothing to do here.
        if session.is_some() {
            return see_other(return_path.as_str());
        }
        Start { return_path, wanted: Wanted::default(), session: None, another_account: false }
    };
    redirect(door, start, request.cookies, request.request_id, request.is_head, live).await
}

/// The response to what says that it is no page that a person opens: a script, a part of a page, a frame. Nobody would see
/// the issuer's page there.
fn not_opened(request: &OwnRequest<'_>) -> Option<Response<Body>> {
    match Audience::stated(request.method, request.headers)? {
        Audience::Visitor => None,
        Audience::Reader => {
            let action = Action::link(Does::SignInInNewTab, request.door.path("sign-in"));
            Some(request.respond(&request.page(Kind::SignInRequired).with(action)))
        }
        Audience::Script => {
            let (path, request_id) = (request.door.path("sign-in"), id(request.request_id));
            let json = ForScripts {
                code: "sign_in_required",
                reason: "no_credential",
                description: "Only a person can sign in.",
                remedy: "Have the person open `sign_in` in the browser.",
                sign_in: Some(path),
                request_id: &request_id,
            };
            Some(json.response(StatusCode::UNAUTHORIZED))
        }
    }
}

/// Adds a field that sets or clears a cookie.
pub(super) fn add(headers: &mut HeaderMap, field: Option<HeaderValue>) {
    if let Some(field) = field {
        headers.append(SET_COOKIE, field);
    }
}
