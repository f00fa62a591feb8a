//! Sessions, listed.

use std::sync::Arc;

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::Asked;
use super::detail::SessionDetail;
use super::{sessions, unavailable};
use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::gateway::Notice;

const UNKNOWN: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_such_session",
    description: "The store has no session of this id.",
    remedy: "Look for it with `/sessions?ended=true`. A session's row is removed after it has expired.",
};

/// Sessions, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct SessionsAnswer {
    /// The sessions.
    pub(in crate::admin) sessions: Vec<SessionDetail>,
    /// What `after` is for the next page; `null` on the last one.
    pub(in crate::admin) next: Option<String>,
}

/// Lists sessions.
pub(in crate::admin) async fn list(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Json<SessionsAnswer>, Refused> {
    listed(&admin, &asked).await.map(Json)
}

/// The same for a page.
pub(in crate::admin) async fn listed(admin: &Admin, asked: &Asked) -> Result<SessionsAnswer, Refused> {
    let (sessions, live) = (sessions(admin)?, admin.live.load_full());
    let page = asked.page().unwrap_or_default();
    let listed = sessions.store().list(&asked.filter(live.clock.now().as_secs()), &page).await;
    let rows = listed.map_err(|error| unavailable(&error))?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= page.most);
    let last = rows.last().filter(|_| is_full);
    let next = last.map(|row| format!("{}.{}", row.begun.created, row.begun.id));
    let sessions = rows.into_iter().map(|row| SessionDetail::of(row, sessions, &live)).collect();
    Ok(SessionsAnswer { sessions, next })
}

/// Shows a session.
pub(in crate::admin) async fn one(
    State(admin): State<Arc<Admin>>,
    SessionPath { id }: SessionPath,
) -> Result<Json<SessionDetail>, Refused> {
    let sessions = sessions(&admin)?;
    let row = sessions.store().session(&id).await.map_err(|error| unavailable(&error))?;
    let row = row.ok_or_else(|| Refused::from(&UNKNOWN))?;
    Ok(Json(SessionDetail::of(row, sessions, &admin.live.load_full())))
}

/// The session that a path names.
#[derive(Debug, JsonSchema)]
pub(in crate::admin) struct SessionPath {
    /// The session's id.
    id: String,
}

impl FromRequestParts<Arc<Admin>> for SessionPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        // Ids are unreserved characters, so that nothing is to be decoded.
        let id = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self { id })
    }
}

impl OperationInput for SessionPath {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let schema = context.schema.root_schema_for::<Self>();
        let parameters = parameters_from_schema(context, schema, ParamLocation::Path);
        add_parameters(context, operation, parameters);
    }

    fn inferred_early_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        let refused = Refused::operation_response(context, operation);
        refused.map(|response| (Some(openapi::StatusCode::Code(404)), response)).into_iter().collect()
    }
}
