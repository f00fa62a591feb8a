//! `applicationconsents`: what a control panel vendor's application may do with a partner's customers.

use http::{Method, StatusCode};
use serde_json::Value;

use super::caller::error;
use crate::provider::{Answer, Directory, json, method_not_allowed};
use crate::tenants::Tenant;

/// Answers for the consents of one customer, to an application that calls with a user.
///
/// `POST applicationconsents` consents to the calling application, and `DELETE applicationconsents/{id}` takes back the
/// consent to any.
pub(super) fn answer(
    directory: &Directory,
    method: &Method,
    customer: Tenant,
    id: Option<&str>,
    claims: &Value,
    body: &[u8],
) -> Answer {
    match (method, id) {
        (&Method::POST, None) => give(directory, customer, claims, body),
        (&Method::DELETE, Some(id)) => {
            if directory.consents().take(customer, id) {
                let mut answer = Answer::default();
                *answer.status_mut() = StatusCode::NO_CONTENT;
                return answer;
            }
            error(StatusCode::NOT_FOUND, 1000, "The application consent was not found.")
        }
        (_, None) => method_not_allowed("POST"),
        (_, Some(_)) => method_not_allowed("DELETE"),
    }
}

fn give(directory: &Directory, customer: Tenant, claims: &Value, body: &[u8]) -> Answer {
    let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(id) = wanted["applicationId"].as_str() else {
        return error(StatusCode::BAD_REQUEST, 2000, "applicationId is missing.");
    };
    if claims["appid"] != id {
        return error(StatusCode::BAD_REQUEST, 2000, "applicationId is not the application of the access token.");
    }
    let sound = |grant: &Value| grant["enterpriseApplicationId"].is_string() && grant["scope"].is_string();
    if !wanted["applicationGrants"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(sound)) {
        return error(StatusCode::BAD_REQUEST, 2000, "applicationGrants needs an enterpriseApplicationId and a scope.");
    }
    if !directory.consents().give(customer, id) {
        return error(StatusCode::CONFLICT, 2009, "Permission entry already exists.");
    }
    json(StatusCode::CREATED, &wanted)
}
