//! Verdicts: what Envoy does with the request.

use ::http::header::{SET_COOKIE, VARY};
use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use mfa_gateway_wire::Body;

use super::messages::{
    Action, BoolValue, CheckResponse, Denied, Header, HeaderOption, HttpStatus, Outcome, Permitted, Status,
};
use crate::faces::asked::OF_CONNECTION;
use crate::faces::changes::Changes;
use crate::gateway::{Assertions, Granted};

/// The answer to a question about a request with these fields.
pub(super) async fn of(
    asked: &HeaderMap,
    mut response: Response<Body>,
    assertions: Option<&Assertions>,
) -> CheckResponse {
    match response.extensions_mut().remove::<Granted>() {
        Some(mut granted) => {
            if let Some(assertions) = assertions {
                granted.assert(assertions);
            }
            permit(asked, &granted, response.headers())
        }
        None => deny(response).await,
    }
}

/// The answer in case of a bug: a denial all the same.
pub(super) fn failed() -> CheckResponse {
    denied(StatusCode::INTERNAL_SERVER_ERROR, Vec::new(), Bytes::new())
}

fn permit(asked: &HeaderMap, granted: &Granted, answer: &HeaderMap) -> CheckResponse {
    let Changes { set, remove } = Changes::between(asked, granted);
    let mut headers = Vec::with_capacity(set.len());
    let mut headers_to_remove: Vec<Bytes> = remove.iter().map(name).collect();
    for (field, value) in set {
        match text(&value) {
            Some(value) => headers.push(overwriting(&field, value)),
            // No message can hold it.
            None => headers_to_remove.push(name(&field)),
        }
    }
    let told = answer.iter().filter(|(name, _)| !OF_CONNECTION.contains(name));
    let response_headers_to_add = told.filter_map(|(name, value)| {
        let value = text(value)?;
        // The backend may have its own.
        Some(if *name == SET_COOKIE || *name == VARY { adding(name, value) } else { overwriting(name, value) })
    });
    let response_headers_to_add = response_headers_to_add.collect();
    let permitted = Permitted { headers, headers_to_remove, response_headers_to_add };
    CheckResponse { status: Some(Status { code: 0 }), outcome: Some(Outcome::Permitted(permitted)) }
}

async fn deny(response: Response<Body>) -> CheckResponse {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let body = match std::str::from_utf8(&body) {
        Ok(_) => body,
        Err(_) => String::from_utf8_lossy(&body).into_owned().into(),
    };
    let mut headers = Vec::with_capacity(head.headers.len());
    for field in head.headers.keys().filter(|name| !OF_CONNECTION.contains(name)) {
        for (at, value) in head.headers.get_all(field).iter().filter_map(text).enumerate() {
            headers.push(if at == 0 { overwriting(field, value) } else { further(field, value) });
        }
    }
    denied(head.status, headers, body)
}

fn denied(status: StatusCode, headers: Vec<HeaderOption>, body: Bytes) -> CheckResponse {
    let code = code(status);
    let status = Some(HttpStatus { code: i32::from(status.as_u16()) });
    CheckResponse { status: Some(Status { code }), outcome: Some(Outcome::Denied(Denied { status, headers, body })) }
}

/// A field in the place of all of its name. Some releases of Envoy read one of the two, and some the other; by default
/// some append, which would leave a client's own field beside it.
fn overwriting(field: &HeaderName, value: Bytes) -> HeaderOption {
    option(field, value, Some(false), Action::Overwrite)
}

/// A field beside those of its name.
fn adding(field: &HeaderName, value: Bytes) -> HeaderOption {
    option(field, value, Some(true), Action::Append)
}

/// One more field of a name in a response of ours: older releases of Envoy add all that don't say `append`, and newer
/// ones join all that do.
fn further(field: &HeaderName, value: Bytes) -> HeaderOption {
    option(field, value, None, Action::Append)
}

fn option(field: &HeaderName, value: Bytes, append: Option<bool>, action: Action) -> HeaderOption {
    let header = Header { key: name(field), value, raw_value: Bytes::new() };
    HeaderOption { header: Some(header), append: append.map(|value| BoolValue { value }), action: action.into() }
}

fn name(field: &HeaderName) -> Bytes {
    Bytes::copy_from_slice(field.as_str().as_bytes())
}

/// A value as text, which is all that a message can hold.
fn text(value: &HeaderValue) -> Option<Bytes> {
    std::str::from_utf8(value.as_bytes()).ok().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

/// The code of a denial (`google.rpc.Code`): never 0.
fn code(status: StatusCode) -> i32 {
    match status.as_u16() {
        // INVALID_ARGUMENT
        400 | 417 | 421 | 426 => 3,
        // NOT_FOUND
        404 => 5,
        // RESOURCE_EXHAUSTED
        413 | 414 | 429 | 431 => 8,
        // UNIMPLEMENTED
        405 => 12,
        // INTERNAL
        500 => 13,
        // UNAVAILABLE
        502..=504 => 14,
        // UNAUTHENTICATED; a redirect leads to a sign-in.
        303 | 401 => 16,
        // PERMISSION_DENIED
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_and_every_status_that_is_no_permit_is_a_denial() {
        let refused = (300..600).filter_map(|status| StatusCode::from_u16(status).ok());
        let answers = refused.map(|status| denied(status, Vec::new(), Bytes::new())).chain([failed()]);
        for answer in answers {
            assert_ne!(answer.status.map(|status| status.code), Some(0));
            let Some(Outcome::Denied(denied)) = answer.outcome else { panic!("not a denial") };
            assert!(denied.status.is_some_and(|status| status.code >= 300));
        }
    }
}
