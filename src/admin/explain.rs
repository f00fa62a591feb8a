//! The decision that the live configuration would make about a token.
//!
//! The token comes in a body, which no log and no history keeps, and goes no further: it is neither logged nor cached,
//! and no response has it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

use super::context::Admin;
use super::posted::{self, Posted};
use super::refused::Refused;
use super::respond::Json;
use super::sessions;
use crate::gateway::explain::{Document, Explanation, pasted};
use crate::gateway::explain_now::explain_now;
use crate::gateway::{Live, Notice, Question};

const BAD_METHOD: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The `method` is not an HTTP method.",
    remedy: "Send a method such as `GET`.",
};

const UNREADABLE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body is not the expected JSON object.",
    remedy: r#"Send `{"token": "…", "method": "GET", "path": "/…"}`, or a `session` instead of the `token`. Only `path` is required; no others are allowed."#,
};

/// The question to explain.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuestion {
    /// The access token, with or without `Bearer ` before it. Absent or empty: a request without one.
    #[serde(default)]
    pub(super) token: String,
    /// The id of a session, instead of a token.
    #[serde(default)]
    pub(super) session: String,
    /// The method of the request. Default `GET`.
    #[serde(default = "get")]
    pub(super) method: String,
    /// The path of the request. A query is ignored.
    pub(super) path: String,
    /// The host of the request. It matters only if routes name hosts.
    #[serde(default)]
    pub(super) host: String,
}

impl posted::Question for ExplainQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;

    fn is_sound(&self) -> bool {
        self.token.trim().is_empty() || self.session.trim().is_empty()
    }
}

fn get() -> String {
    Method::GET.to_string()
}

/// An explanation, and why keys could not be fetched: a [`Document`] that owns what it tells.
#[derive(Debug)]
pub(super) struct Explained(Explanation, Option<String>);

impl Serialize for Explained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.document(self.1.as_deref()).serialize(serializer)
    }
}

impl JsonSchema for Explained {
    fn schema_name() -> Cow<'static, str> {
        Document::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Document::json_schema(generator)
    }
}

/// Answers with every step of the decision.
pub(super) async fn explain(
    State(admin): State<Arc<Admin>>,
    Posted(asked): Posted<ExplainQuestion>,
) -> Result<Json<Explained>, Refused> {
    explained(&admin, &asked).await.map(Json)
}

/// The same for a page.
pub(super) async fn explained(admin: &Arc<Admin>, asked: &ExplainQuestion) -> Result<Explained, Refused> {
    if !posted::Question::is_sound(asked) {
        return Err((&UNREADABLE).into());
    }
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|_| &BAD_METHOD)?;
    let path = asked.path.split('?').next().unwrap_or_default();
    let question = Question::new(&method, path, pasted(&asked.token)).at(&asked.host);
    let live = admin.live.load_full();
    if !asked.session.trim().is_empty() {
        let explanation = sessions::of_session(admin, &live, &question, &asked.session).await?;
        return Ok(Explained(explanation, None));
    }
    Ok(answer(&live, &question).await)
}

/// Explains with the keys in use.
async fn answer(live: &Live, question: &Question<'_>) -> Explained {
    let explained = explain_now(live, question).await;
    Explained(explained.explanation, explained.trouble)
}
