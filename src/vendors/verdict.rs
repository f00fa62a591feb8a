//! What a response of the partner API means for a customer.

use std::time::Duration;

use http::{Method, StatusCode};
use mfa_gateway_keys::ApiResponse;
use serde::Deserialize;

/// The longest code that is kept.
const MAX_WHY: usize = 120;

/// How many attempts a customer has while the API can't respond: they take more than an hour.
const ATTEMPTS: i64 = 20;

/// The longest pause between two attempts, and the longest that the API may ask for.
const LONGEST: Duration = Duration::from_secs(300);
const LONGEST_ASKED: Duration = Duration::from_secs(900);

/// What becomes of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What was asked for is done.
    Done,
    /// The consent was there before.
    Existed,
    /// It doesn't work for this customer.
    Failed(String),
    /// The API can't respond now: this customer is tried again.
    Later(String),
    /// Nobody is to call so long.
    Slower(Duration),
    /// The token isn't accepted, which concerns all of the partner's customers.
    Refused(String),
}

/// An error in the form of Partner Center's.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ApiError {
    code: Option<serde_json::Value>,
    description: Option<String>,
}

impl Verdict {
    /// What a response to a request with this method means.
    pub(super) fn of(method: &Method, response: &ApiResponse) -> Self {
        let status = response.status;
        let error: ApiError = serde_json::from_slice(&response.bytes).unwrap_or_default();
        let description = error.description.as_deref().unwrap_or_default().to_ascii_lowercase();
        let why = why(status, &error);
        match status {
            _ if status.is_success() => Self::Done,
            StatusCode::TOO_MANY_REQUESTS => {
                Self::Slower(response.retry_after.unwrap_or(Duration::from_secs(1)).min(LONGEST_ASKED))
            }
            StatusCode::UNAUTHORIZED => Self::Refused(why),
            StatusCode::NOT_FOUND if *method == Method::DELETE => Self::Done,
            _ if *method == Method::POST && status.is_client_error() && description.contains("already exists") => {
                Self::Existed
            }
            StatusCode::REQUEST_TIMEOUT => Self::Later(why),
            _ if status.is_server_error() => Self::Later(why),
            _ => Self::Failed(why),
        }
    }

    /// What becomes of a customer who was tried so often in vain.
    pub(super) fn after(self, attempts: i64) -> Self {
        match self {
            Self::Later(why) if attempts + 1 >= ATTEMPTS => Self::Failed(why),
            other => other,
        }
    }
}

/// How long to wait after so many attempts in vain.
pub(super) fn pause(attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts.clamp(0, 10)).unwrap_or_default();
    Duration::from_secs(1_u64 << doubled).min(LONGEST)
}

/// The API's code, short: nothing of a response but that is kept.
fn why(status: StatusCode, error: &ApiError) -> String {
    let code = match &error.code {
        Some(serde_json::Value::Number(number)) => number.to_string(),
        Some(serde_json::Value::String(text)) => text.chars().filter(char::is_ascii_graphic).take(MAX_WHY).collect(),
        _ => String::new(),
    };
    if code.is_empty() { format!("{}", status.as_u16()) } else { format!("{} {code}", status.as_u16()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, status: u16, body: &str) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        Verdict::of(method, &ApiResponse { status, retry_after: None, bytes: body.to_owned().into() })
    }

    #[test]
    fn what_is_so_already_is_done() {
        let exists = r#"{"code":2009,"description":"Permission entry already exists."}"#;
        assert_eq!(of(&Method::POST, 201, "{}"), Verdict::Done);
        assert_eq!(of(&Method::POST, 409, exists), Verdict::Existed);
        assert_eq!(of(&Method::POST, 400, exists), Verdict::Existed);
        assert_eq!(of(&Method::DELETE, 204, ""), Verdict::Done);
        assert_eq!(of(&Method::DELETE, 404, ""), Verdict::Done);
    }

    #[test]
    fn what_only_sounds_alike_is_not() {
        let exists = r#"{"code":2009,"description":"Permission entry already exists."}"#;
        assert_eq!(of(&Method::POST, 404, ""), Verdict::Failed("404".to_owned()));
        assert_eq!(of(&Method::POST, 409, r#"{"code":"x\u0000y z"}"#), Verdict::Failed("409 xyz".to_owned()));
        assert_eq!(of(&Method::POST, 302, exists), Verdict::Failed("302 2009".to_owned()));
        assert_eq!(of(&Method::DELETE, 409, exists), Verdict::Failed("409 2009".to_owned()));
        assert_eq!(of(&Method::POST, 500, exists), Verdict::Later("500 2009".to_owned()));
    }

    #[test]
    fn what_concerns_all_stops_all_and_what_passes_is_tried_again() {
        assert_eq!(of(&Method::POST, 401, ""), Verdict::Refused("401".to_owned()));
        assert_eq!(of(&Method::POST, 403, r#"{"code":1111}"#), Verdict::Failed("403 1111".to_owned()));
        assert_eq!(of(&Method::POST, 429, ""), Verdict::Slower(Duration::from_secs(1)));
        let status = StatusCode::TOO_MANY_REQUESTS;
        let asked = ApiResponse { status, retry_after: Some(Duration::from_secs(86_400)), bytes: Vec::new().into() };
        assert_eq!(Verdict::of(&Method::POST, &asked), Verdict::Slower(LONGEST_ASKED));
        let later = Verdict::Later("503".to_owned());
        assert_eq!(later.clone().after(3), later);
        assert_eq!(later.after(19), Verdict::Failed("503".to_owned()));
        assert_eq!(Verdict::Refused(String::new()).after(70), Verdict::Refused(String::new()));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!([0, 1, 3, 99].map(|attempts| pause(attempts).as_secs()), [1, 2, 8, 300]);
    }
}
