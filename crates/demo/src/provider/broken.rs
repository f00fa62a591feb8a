//! Responses that go wrong on request.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::aadsts::{self, Refusal};
use super::answer::{Answer, Content, bytes, json};
use super::fault_set::{Instead, ResponseFault};
use super::issue::set;
use super::shape::Shape;
use super::state::State;

/// A response that a fault has made, or none if the connection is to end.
pub(crate) type Broken = Option<Answer>;

/// What a fault puts in the place of a response to `path`, late if it says so.
pub(crate) async fn broken(state: &State, shape: Shape, fault: &ResponseFault, path: &str) -> Option<Broken> {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let Some(instead) = fault.instead else {
        let refusal = fault.aadsts.and_then(aadsts::find);
        let status = status.or(refusal.map(Refusal::status))?;
        let said = refusal.map_or(json!({}), |refusal| refusal.body(shape.manner, state.clock.now()));
        let mut answer = json(status, &changed(said, fault));
        answer.headers_mut().extend(fault.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        return Some(Some(answer));
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
