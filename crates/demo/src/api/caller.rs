//! Who calls: as the gateway says, and as the token says that arrives.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::provider::{Answer, Directory, json};

/// What the names of the gateway's identity headers start with.
const IDENTITY_PREFIX: &str = "x-auth-request-";

/// The identity headers as they arrived; one that came twice shows both values.
pub(crate) fn caller(headers: &HeaderMap) -> Value {
    let mut caller = Map::new();
    for name in headers.keys().filter(|name| name.as_str().starts_with(IDENTITY_PREFIX)) {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        caller.insert(name.as_str().to_owned(), json!(values.join(", ")));
    }
    Value::Object(caller)
}

/// The claims of the token that arrived, if it is one of the provider's.
pub(super) fn token(directory: &Directory, headers: &HeaderMap) -> Option<Value> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    directory.claims(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// The claims of an application with a user who has done MFA, or the refusal of anybody else.
pub(super) fn user_with_mfa(token: Option<Value>) -> Result<Value, Box<Answer>> {
    let claims = token.ok_or_else(|| unauthorized("The request has no access token, or not a valid one."))?;
    if claims.get("scp").is_none() {
        return Err(Box::new(error(StatusCode::FORBIDDEN, 900_420, "The token must be of an application and a user.")));
    }
    let methods = claims["amr"].as_array().into_iter().flatten();
    if !methods.into_iter().any(|method| method == "mfa") {
        return Err(unauthorized("MFA is required for this request. The token was obtained without MFA."));
    }
    Ok(claims)
}

fn unauthorized(description: &str) -> Box<Answer> {
    let mut answer = error(StatusCode::UNAUTHORIZED, 900_421, description);
    answer.headers_mut().insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    Box::new(answer)
}

/// An error in the form of Partner Center's.
pub(super) fn error(status: StatusCode, code: u32, description: &str) -> Answer {
    json(status, &json!({ "code": code, "description": description, "data": [], "source": "PartnerFD" }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_caller_is_who_the_gateway_says() {
        let mut headers = HeaderMap::new();
        headers.insert("x-auth-request-user", HeaderValue::from_static("jane"));
        headers.append("x-auth-request-user", HeaderValue::from_static("john"));
        headers.insert("x-other", HeaderValue::from_static("hidden"));
        assert_eq!(caller(&headers), json!({ "x-auth-request-user": "jane, john" }));
    }

    #[test]
    fn only_an_application_with_a_user_who_has_done_mfa_is_served() {
        let status = |token| user_with_mfa(token).map_or_else(|answer| answer.status().as_u16(), |_| 200);
        assert_eq!(status(None), 401);
        assert_eq!(status(Some(json!({ "idtyp": "app", "amr": ["mfa"] }))), 403);
        assert_eq!(status(Some(json!({ "scp": "user_impersonation", "amr": ["pwd"] }))), 401);
        assert_eq!(status(Some(json!({ "scp": "user_impersonation", "amr": ["pwd", "mfa"] }))), 200);
    }
}
