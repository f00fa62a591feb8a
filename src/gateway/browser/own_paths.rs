//! The gateway's own paths: what is served under a sign-in's base path.

use http::header::ALLOW;
use http::{HeaderValue, Method, Response};
use http_body_util::{BodyExt, Limited};
use mfa_gateway_wire::Body;

use super::door::Door;
use super::own_request::OwnRequest;
use super::{callback, channels, sessions_page, sign_out, start};
use crate::gateway::pipeline::Sanitized;
use crate::pages::{Action, Does, Kind};

/// The longest form that is read.
const MAX_FORM: usize = 64 * 1024;

/// Responds to a request for an own path. `name` is what stands after the base path.
pub(in crate::gateway) async fn respond(door: &Door, place: usize, name: &str, sanitized: Sanitized) -> Response<Body> {
    let Sanitized { exchange, mut observed } = sanitized;
    let cookies = observed.cookies.get_mut(place).map(std::mem::take).unwrap_or_default();
    let (live, ids, request) = (exchange.live.clone(), exchange.ids.clone(), exchange.request);
    let (parts, body) = request.into_parts();
    let allowed = allowed(name, door);
    let is_head = parts.method == Method::HEAD;
    let mut own = OwnRequest {
        door,
        live: &live,
        method: &parts.method,
        headers: &parts.headers,
        query: parts.uri.query().unwrap_or_default(),
        cookies: &cookies,
        request_id: &ids.request,
        is_head,
        form: None,
    };
    if allowed.is_empty() {
        return own.respond(&own.page(Kind::NotFound).with(Action::link(Does::StartPage, "/")));
    }
    if !allowed.contains(&parts.method.as_str()) {
        let mut response = own.respond(&own.page(Kind::MethodNotAllowed).with(Action::link(Does::StartPage, "/")));
        if let Ok(methods) = HeaderValue::from_str(&allowed.join(", ")) {
            response.headers_mut().insert(ALLOW, methods);
        }
        return response;
    }
    if parts.method == Method::POST {
        match tokio::time::timeout(live.edge.body_timeout, Limited::new(body, MAX_FORM).collect()).await {
            Ok(Ok(body)) => own.form = Some(body.to_bytes()),
            _ => return own.respond(&own.page(Kind::BadRequest)),
        }
    }
    match name {
        "callback" => callback::respond(own).await,
        "sign-in" => start::respond(own).await,
        "sign-out" => sign_out::respond(own).await,
        "signed-out" => sign_out::signed_out(&own),
        "sessions" => sessions_page::respond(own).await,
        "back-channel-logout" => channels::back_channel(own).await,
        _ => channels::front_channel(own).await,
    }
}

/// The methods of an own path; none if there is no such path.
fn allowed(name: &str, door: &Door) -> &'static [&'static str] {
    let settings = door.sign_in.settings();
    match name {
        "callback" if settings.client.is_form_post() => &["GET", "POST"],
        // A HEAD would use the code up.
        "callback" => &["GET"],
        "sign-in" | "signed-out" => &["GET", "HEAD"],
        "sign-out" | "sessions" => &["GET", "HEAD", "POST"],
        "back-channel-logout" if settings.logout.back_channel => &["POST"],
        "front-channel-logout" if settings.logout.front_channel => &["GET"],
        _ => &[],
    }
}
