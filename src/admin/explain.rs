//! What the live configuration would decide about a token.
//!
//! The token comes in a body, which no log and no history keeps, and goes no further: it is neither logged nor cached,
//! and no answer has it.

use http::{Method, Request, Response, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::guard::read_json;
use super::respond::json;
use super::service::Admin;
use crate::gateway::explain::{Explanation, explain, issuer_of, pasted, token_in};
use crate::gateway::{Live, Notice, Question, Reason, Rejection};
use mfa_gateway_wire::Body;

/// How much a body may have besides the token, in bytes.
const BESIDES: usize = 64 << 10;

const BAD_METHOD: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The `method` is not an HTTP method.",
    remedy: "Send a method such as `GET`.",
};

/// What to explain.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuestion {
    /// The access token, with or without `Bearer ` before it. Absent or empty: a request without one.
    #[serde(default)]
    token: String,
    /// The method of the request. Default `GET`.
    #[serde(default = "get")]
    method: String,
    /// The path of the request; a query is cut off.
    path: String,
}

fn get() -> String {
    Method::GET.to_string()
}

impl Admin {
    /// Answers with every step of the decision.
    pub(super) async fn explain(&self, request: Request<Body>) -> Result<Response<Body>, Rejection> {
        let limit = self.state.load().config.token_bytes + BESIDES;
        let asked: ExplainQuestion = read_json(request, limit).await?;
        let Ok(method) = Method::from_bytes(asked.method.as_bytes()) else {
            return Err(Rejection::new(Reason::Told(&BAD_METHOD)));
        };
        let path = asked.path.split('?').next().unwrap_or_default();
        let question = Question::new(&method, path, pasted(&asked.token));
        let (explanation, trouble) = answer(&self.live.load_full(), &question).await;
        Ok(json(&explanation.document(trouble.as_deref())))
    }
}

/// Explains with the keys in use. As for a request, a token that no key fits brings a fetch, within its budget.
async fn answer(live: &Live, question: &Question<'_>) -> (Explanation, Option<String>) {
    let issuer = token_in(question).and_then(|token| issuer_of(live, token));
    let judge = || explain(live, question, issuer.and_then(|issuer| issuer.keys().current()).as_deref());
    let mut explanation = judge();
    let Some(issuer) = issuer else { return (explanation, None) };
    if matches!(explanation.reason, "key_unknown" | "keys_unavailable") {
        issuer.keys().ask().await;
        explanation = judge();
    }
    let trouble = if issuer.keys().current().is_none() { issuer.keys().status().last_error } else { None };
    (explanation, trouble)
}
