//! The page that explains a decision. The token comes in the body of a form, and no page has it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::form::Form;
use super::frame::{Frame, Tab};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::explain::{ExplainQuestion, explained};
use crate::admin::refused::Refused;
use crate::pages::short;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[derive(Serialize)]
struct Explain {
    session: String,
    method: String,
    path: String,
    host: String,
    methods: [&'static str; 7],
    routes: Vec<String>,
    trouble: Option<String>,
    /// The explanation, as the endpoint tells it.
    answer: Option<Value>,
}

/// Asks what to explain.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who) -> Response {
    let page = Explain { method: "GET".to_owned(), path: "/".to_owned(), ..Explain::new(&admin) };
    Frame::new(&admin, &who, Tab::Explain).page("explain.html", page)
}

/// Explains.
pub(super) async fn explain(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let field = |name| form.field(name).trim().to_owned();
    let mut page = Explain {
        session: field("session"),
        method: field("method"),
        path: field("path"),
        host: field("host"),
        ..Explain::new(&admin)
    };
    let question = ExplainQuestion {
        token: field("token"),
        session: page.session.clone(),
        method: if page.method.is_empty() { "GET".to_owned() } else { page.method.clone() },
        path: page.path.clone(),
        host: page.host.clone(),
    };
    let mut status = StatusCode::OK;
    match explained(&admin, &question).await {
        Ok(answer) => page.answer = serde_json::to_value(answer).ok(),
        Err(refused) => (status, page.trouble) = told(&refused),
    }
    Frame::new(&admin, &form.who, Tab::Explain).respond(status, "Explain", "explain.html", page)
}

fn told(refused: &Refused) -> (StatusCode, Option<String>) {
    let (status, description, remedy) = refused.told();
    (status, Some(format!("{description} {remedy}")))
}

impl Explain {
    fn new(admin: &Admin) -> Self {
        let live = admin.live.load();
        let routes = live.judge.routes.iter().map(|route| short(route.pattern.as_written()).into_owned());
        let [session, method, path, host] = Default::default();
        let (methods, routes) = (METHODS, routes.take(200).collect());
        Self { session, method, path, host, methods, routes, trouble: None, answer: None }
    }
}
