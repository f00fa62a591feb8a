//! The description of the admin listener, for tools, as `OpenAPI` 3.1 has it. The schemas are those of the types that answers are
//! made of.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use schemars::Schema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::configuration::ConfigAnswer;
use super::explain::ExplainQuestion;
use super::health::{Liveness, Readiness};
use super::issuers::IssuersAnswer;
use super::reload::{ReloadAnswer, ReloadRefused};
use super::routes::RoutesAnswer;
use crate::gateway::explain::Document;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// Who may have what is served.
#[derive(Clone, Copy)]
enum Audience {
    Everybody,
    Details,
    Operators,
    Static,
}

/// One method of a path.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    audience: Audience,
    /// Status, description, media type and schema of each answer of its own.
    answers: Vec<(&'static str, &'static str, &'static str, Value)>,
    question: Option<Schema>,
    /// The refusals that it may have besides those of operators.
    refusals: &'static [&'static str],
}

impl Operation {
    fn get(path: &'static str, id: &'static str, summary: &'static str, audience: Audience) -> Self {
        Self { path, method: "get", id, summary, audience, answers: Vec::new(), question: None, refusals: &[] }
    }

    fn answers(
        mut self,
        status: &'static str,
        description: &'static str,
        media_type: &'static str,
        schema: Value,
    ) -> Self {
        self.answers.push((status, description, media_type, schema));
        self
    }

    fn json(self, status: &'static str, description: &'static str, schema: &Schema) -> Self {
        self.answers(status, description, "application/json", schema.as_value().clone())
    }

    fn to_json(&self) -> Value {
        let answer = |(status, description, media_type, schema): &(&str, &str, &str, Value)| {
            let content = json!({"description": description, "content": {*media_type: {"schema": schema}}});
            ((*status).to_owned(), content)
        };
        let mut responses: Map<String, Value> = self.answers.iter().map(answer).collect();
        let operators: &[&str] = match self.audience {
            Audience::Everybody => &[],
            Audience::Static => &["403", "421"],
            Audience::Details | Audience::Operators => &["401", "403", "421", "503"],
        };
        for status in operators.iter().chain(self.refusals) {
            let refusal = json!({"$ref": "#/components/responses/Refusal"});
            responses.entry(*status).or_insert(refusal);
        }
        let mut operation = json!({"operationId": self.id, "summary": self.summary, "responses": responses});
        match self.audience {
            Audience::Everybody | Audience::Static => operation["security"] = json!([]),
            // Open or not, as `admin.details` has it.
            Audience::Details => operation["security"] = json!([{}, {"operator": []}]),
            Audience::Operators => {}
        }
        if let Some(question) = &self.question {
            let content = json!({"application/json": {"schema": question}});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        operation
    }
}

fn text() -> Value {
    json!({"type": "string"})
}

/// What machines ask for, and what is the same for all.
fn open_operations(of: &mut SchemaGenerator) -> [Operation; 7] {
    use Audience::{Details, Everybody, Static};

    let readiness = of.subschema_for::<Readiness>();
    let document = json!({"type": "object"});
    [
        Operation::get("/livez", "alive", "Whether the process runs", Everybody).json(
            "200",
            "It does",
            &of.subschema_for::<Liveness>(),
        ),
        Operation::get("/readyz", "ready", "Whether the gateway takes traffic", Everybody)
            .json("200", "It does", &readiness)
            .json("503", "It waits for keys, or drains", &readiness),
        Operation::get("/metrics", "metrics", "The metrics", Details).answers(
            "200",
            "OpenMetrics",
            "application/openmetrics-text",
            text(),
        ),
        Operation::get("/openapi.json", "openapi", "This document", Static).answers(
            "200",
            "OpenAPI 3.1",
            "application/json",
            document,
        ),
        Operation::get("/", "page", "The page that explains a token", Static).answers(
            "200",
            "The page",
            "text/html",
            text(),
        ),
        Operation::get("/explain.js", "script", "The page's script", Static).answers(
            "200",
            "The script",
            "text/javascript",
            text(),
        ),
        Operation::get("/explain.css", "style", "The page's style", Static).answers(
            "200",
            "The style",
            "text/css",
            text(),
        ),
    ]
}

/// What operators ask for.
fn operators_operations(of: &mut SchemaGenerator, question: Schema) -> [Operation; 5] {
    use Audience::Operators;

    let refused = of.subschema_for::<ReloadRefused>().as_value().clone();
    let explain = Operation::get("/explain", "explain", "What the gateway would decide about a token", Operators).json(
        "200",
        "The decision and every step",
        &of.subschema_for::<Document<'static>>(),
    );
    let reload = Operation::get("/reload", "reload", "Reads the configuration file again", Operators)
        .json("200", "It is in use", &of.subschema_for::<ReloadAnswer>())
        .answers("422", "It is not valid; the old one stays", "application/problem+json", refused);
    [
        Operation::get("/config", "config", "The configuration in use", Operators).json(
            "200",
            "It, without secrets",
            &of.subschema_for::<ConfigAnswer>(),
        ),
        Operation::get("/issuers", "issuers", "The issuers and their keys", Operators).json(
            "200",
            "All of them",
            &of.subschema_for::<IssuersAnswer>(),
        ),
        Operation::get("/routes", "routes", "The routes, in the order in which they are matched", Operators).json(
            "200",
            "All of them",
            &of.subschema_for::<RoutesAnswer>(),
        ),
        Operation { method: "post", question: Some(question), refusals: &["400", "408", "413", "415"], ..explain },
        Operation { method: "post", refusals: &["409"], ..reload },
    ]
}

/// Every path with its operations. Aliases and `HEAD` are left out.
fn paths(of: &mut SchemaGenerator, question: Schema) -> Value {
    let mut paths = json!({});
    for operation in open_operations(of).iter().chain(&operators_operations(of, question)) {
        paths[operation.path][operation.method] = operation.to_json();
    }
    paths
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator()
}

/// The members that every refusal has. Those about an access token have more: see docs/refusals.md.
fn refusal() -> Value {
    let members = ["type", "title", "detail", "code", "description", "reason", "remedy", "source", "requestId"];
    let mut properties: Map<String, Value> = members.iter().map(|name| ((*name).to_owned(), text())).collect();
    properties.insert("status".to_owned(), json!({"type": "integer"}));
    let required: Vec<&str> = members.into_iter().chain(["status"]).collect();
    json!({"type": "object", "description": "A refusal (RFC 9457).", "required": required, "properties": properties})
}

fn document() -> Value {
    let mut of_answers = generator(SchemaSettings::draft2020_12().for_serialize());
    let mut of_questions = generator(SchemaSettings::draft2020_12().for_deserialize());
    let question = of_questions.subschema_for::<ExplainQuestion>();
    let paths = paths(&mut of_answers, question);
    let mut schemas = of_answers.take_definitions(true);
    schemas.extend(of_questions.take_definitions(true));
    schemas.insert("Refusal".to_owned(), refusal());
    let refusal = json!({"schema": {"$ref": "#/components/schemas/Refusal"}});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mfa-gateway: the admin listener",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"operator": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"operator": {
                "type": "http", "scheme": "bearer",
                "description": "A token of the token file, or an access token of an operator who signed in with MFA.",
            }},
            "responses": {"Refusal": {"description": "A refusal", "content": {"application/problem+json": refusal}}},
            "schemas": schemas,
        },
    })
}
