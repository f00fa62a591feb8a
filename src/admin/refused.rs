//! A refusal on its way through the router, which knows responses alone.
//!
//! A handler or a guard returns [`Refused`]. Its response only carries the [`Rejection`] through the router.
//! [`Refused::taken_from`] takes it out behind the router, so the gateway's Render stays the only code that turns a
//! refusal into bytes.

use std::borrow::Cow;
use std::sync::Arc;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::described;
use super::respond::PROBLEM;

use crate::gateway::{Notice, Reason, Rejection};

/// What a handler or a guard refuses with.
#[derive(Debug)]
pub(super) struct Refused(Rejection);

/// The refusal, as an extension of a response.
#[derive(Clone, Debug)]
struct Carried(Arc<Rejection>);

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self(Rejection::new(reason))
    }
}

impl From<&'static Notice> for Refused {
    fn from(notice: &'static Notice) -> Self {
        Reason::Told(notice).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.0.reason.status().into_response();
        response.extensions_mut().insert(Carried(Arc::new(self.0)));
        response
    }
}

impl Refused {
    /// The same for a page: the status, what happened, and the remedy.
    pub(super) fn told(&self) -> (StatusCode, String, String) {
        let reason = &self.0.reason;
        match reason {
            Reason::Told(notice) => (notice.status, notice.description.to_owned(), notice.remedy.to_owned()),
            _ => (reason.status(), format!("This was refused: {}.", reason.code().replace('_', " ")), String::new()),
        }
    }

    /// The refusal that a response of the router stands for, or else the response.
    pub(super) fn taken_from(mut response: Response) -> Result<Response, Rejection> {
        let carried = response.extensions_mut().remove::<Carried>();
        // Nothing else holds it: no layer copies the extensions of a response.
        let Some(rejection) = carried.and_then(|carried| Arc::into_inner(carried.0)) else { return Ok(response) };
        // Which methods a path has, the router alone knows.
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            return Err(Rejection::new(Reason::MethodNotAllowed(allowed(&response))));
        }
        Err(rejection)
    }
}

impl OperationOutput for Refused {
    type Inner = Self;

    fn operation_response(context: &mut GenContext, _: &mut Operation) -> Option<openapi::Response> {
        Some(described::response("A refusal", PROBLEM, context.schema.subschema_for::<Self>()))
    }
}

/// The members that every refusal has. Those about an access token have more: see docs/refusals.md.
impl JsonSchema for Refused {
    fn schema_name() -> Cow<'static, str> {
        "Refusal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let texts = ["type", "title", "detail", "code", "description", "reason", "remedy", "source", "requestId"];
        let text = |name: &str| (name.to_owned(), json!({"type": "string"}));
        let mut properties: Map<String, Value> = texts.into_iter().map(text).collect();
        properties.insert("status".to_owned(), json!({"type": "integer"}));
        let required: Vec<&str> = texts.into_iter().chain(["status"]).collect();
        schemars::json_schema!({
            "type": "object",
            "description": "A refusal (RFC 9457).",
            "required": required,
            "properties": properties,
        })
    }
}

/// The methods that the router says a path has.
fn allowed(response: &Response) -> Vec<Method> {
    let allow = response.headers().get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    allow.split(',').filter_map(|method| method.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_out_of_its_response_and_another_response_stays() {
        let response = Refused::from(Reason::NotFound).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let rejection = Refused::taken_from(response).unwrap_err();
        assert_eq!(rejection.reason, Reason::NotFound);
        let response = Refused::taken_from(StatusCode::SERVICE_UNAVAILABLE.into_response()).unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_refused_method_names_those_of_the_router() {
        let mut response = Refused::from(Reason::MethodNotAllowed(Vec::new())).into_response();
        response.headers_mut().insert(ALLOW, http::HeaderValue::from_static("GET,HEAD"));
        let rejection = Refused::taken_from(response).unwrap_err();
        assert_eq!(rejection.reason, Reason::MethodNotAllowed(vec![Method::GET, Method::HEAD]));
    }
}
