//! Responses that go wrong on request.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, Content, bytes, json};
use super::fault_set::{Instead, ResponseFault};
use super::issue::set;

/// A response that a fault has made, or none if the connection is to end.
pub(crate) type Broken = Option<Answer>;

/// What a fault puts in the place of a response to `path`, late if it says so.
pub(crate) async fn broken(fault: &ResponseFault, path: &str) -> Option<Broken> {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let Some(instead) = fault.instead else {
        return status.map(|status| Some(json(status, &changed(json!({}), fault))));
    };
    let mut answer = match instead {
        Instead::HangUp => return Some(None),
        Instead::Redirect => Answer::default(),
        Instead::Endless => Answer::new(Content::Endless),
        Instead::Stalled => Answer::new(Content::Stalled),
        Instead::Garbage => bytes(StatusCode::OK, "application/json", "<html>{\"access_token\": nonsense"),
    };
    if instead == Instead::Redirect {
        *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        answer.headers_mut().extend(HeaderValue::from_str(path).ok().map(|path| (LOCATION, path)));
    } else {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(status) = status {
        *answer.status_mut() = status;
    }
    Some(Some(answer))
}

/// A response with the members that a fault sets.
pub(crate) fn changed(mut response: Value, fault: &ResponseFault) -> Value {
    set(&mut response, &fault.body);
    response
}
