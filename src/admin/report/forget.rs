//! The records of a user, deleted by an operator.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{reader, unavailable};
use crate::admin::context::Admin;
use crate::admin::operator::Operator;
use crate::admin::posted::{Posted, Question};
use crate::admin::refused::Refused;
use crate::admin::respond::Json;
use crate::gateway::Notice;

const UNREADABLE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body does not say whose records to delete.",
    remedy: r#"Send `{"issuer": "…", "tenant": "…", "user": "…"}`: the issuer's name in the configuration, the tenant (empty if the issuer has none) and the user's id, as the report has them."#,
};

/// Whose records are deleted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ForgetQuestion {
    /// The issuer, by its name in the configuration.
    issuer: String,
    /// The tenant; empty if the issuer has none.
    #[serde(default)]
    tenant: String,
    /// The user: `oid`, or `sub`.
    user: String,
}

impl Question for ForgetQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;

    fn is_sound(&self) -> bool {
        !self.issuer.is_empty() && !self.user.is_empty()
    }
}

/// What was deleted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct ForgetAnswer {
    /// `forgotten`.
    #[schemars(extend("const" = "forgotten"))]
    status: &'static str,
    /// How many records named the user. What other replicas have yet to flush is deleted a few seconds later.
    records: u64,
}

/// Deletes them.
pub(in crate::admin) async fn forget(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(asked): Posted<ForgetQuestion>,
) -> Result<Json<ForgetAnswer>, Refused> {
    let ForgetQuestion { issuer, tenant, user } = &asked;
    let records = forget_as(&admin, &operator.name, issuer, tenant, user).await?;
    Ok(Json(ForgetAnswer { status: "forgotten", records }))
}

/// Deletes them for an operator, and logs it. Returns how many records named the user.
pub(in crate::admin) async fn forget_as(
    admin: &Admin,
    operator: &str,
    issuer: &str,
    tenant: &str,
    user: &str,
) -> Result<u64, Refused> {
    if issuer.is_empty() || user.is_empty() {
        return Err((&UNREADABLE).into());
    }
    let records = reader(admin)?.erase(issuer, tenant, user).await.map_err(|error| unavailable(&error))?;
    // Who it was is to be forgotten, in the log as well.
    tracing::info!(operator, records, "an operator deleted a user's records from the report");
    Ok(records)
}
