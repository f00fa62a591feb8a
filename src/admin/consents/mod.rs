//! Consents, for operators: listed, given, tried and withdrawn. Neither a refresh token nor an access token is in any response.

mod asked;
mod problem;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use mfa_gateway_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::operator::Operator;
use super::posted::Posted;
use super::respond::Json;
use crate::consent::{GiveError, Given, Issued, Keeper, Kept, Rewrapped};
use asked::{BeginQuestion, ConsentQuestion, FinishQuestion, RewrapQuestion};
use problem::ConsentProblem;

pub(super) use problem::sentence;

/// The consents.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ConsentsAnswer {
    /// Every configured consent, in the order of the configuration.
    consents: Vec<Kept>,
}

/// A consent that a person is asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct BeginAnswer {
    /// Where the person's browser goes.
    url: String,
    /// What `finish` needs, sealed. It is good for 15 minutes, and once.
    transaction: String,
}

/// A consent that was given.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FinishAnswer {
    /// The user who gave it.
    user: String,
    /// The user's name.
    display: String,
    /// The tenant.
    tenant: String,
    /// What should be different, though the consent counts.
    warnings: Vec<&'static str>,
}

/// What came of a try.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TryAnswer {
    /// Whether the access token has MFA; `null` if only its audience can read it.
    mfa: Option<bool>,
    /// How the person authenticated, as the token says.
    amr: Vec<String>,
    /// The token's tenant.
    tenant: Option<String>,
    /// When it expires (RFC 3339).
    expires: String,
}

/// What became of a consent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct WithdrawAnswer {
    /// Whether there was a refresh token until now.
    withdrawn: bool,
}

/// Lists the consents.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<ConsentsAnswer>, ConsentProblem> {
    let keepers = admin.live.load().keepers.clone();
    let mut consents = Vec::new();
    for keeper in keepers.iter() {
        consents.push(keeper.kept().await.map_err(ConsentProblem::store)?);
    }
    Ok(Json(ConsentsAnswer { consents }))
}

/// Begins a consent.
pub(super) async fn begin(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(BeginQuestion { consent, redirect_uri }): Posted<BeginQuestion>,
) -> Result<Json<BeginAnswer>, ConsentProblem> {
    let begun = keeper(&admin, &consent)?.begin(&redirect_uri, &operator.name).await?;
    Ok(Json(BeginAnswer { url: begun.url.into(), transaction: begun.transaction }))
}

/// Finishes a consent.
pub(super) async fn finish(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(FinishQuestion { consent, transaction, callback }): Posted<FinishQuestion>,
) -> Result<Json<FinishAnswer>, ConsentProblem> {
    let keeper = keeper(&admin, &consent)?;
    let Given { user, display, tenant, warnings } =
        finish_as(&operator.name, &keeper, &transaction, callback.as_bytes()).await?;
    Ok(Json(FinishAnswer { user, display, tenant, warnings }))
}

/// Finishes a consent for an operator, and logs what came of it.
pub(super) async fn finish_as(
    operator: &str,
    keeper: &Keeper,
    transaction: &str,
    callback: &[u8],
) -> Result<Given, GiveError> {
    let consent = &keeper.settings().name;
    let result = keeper.finish(transaction, callback).await;
    match &result {
        Ok(Given { user, tenant, .. }) => tracing::info!(consent, operator, user, tenant, "a consent was given"),
        Err(error) => tracing::warn!(consent, operator, %error, "a consent was not given"),
    }
    result
}

/// Uses a consent's refresh token, to see whether it works.
pub(super) async fn try_it(
    State(admin): State<Arc<Admin>>,
    Posted(ConsentQuestion { consent }): Posted<ConsentQuestion>,
) -> Result<Json<TryAnswer>, ConsentProblem> {
    let issued = keeper(&admin, &consent)?.try_it().await?;
    let Issued { mfa, amr, tenant, expires, .. } = &*issued;
    let (mfa, amr, tenant) = (*mfa, amr.clone(), tenant.clone());
    Ok(Json(TryAnswer { mfa, amr, tenant, expires: expires.to_rfc3339() }))
}

/// Erases a consent's refresh token.
pub(super) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(ConsentQuestion { consent }): Posted<ConsentQuestion>,
) -> Result<Json<WithdrawAnswer>, ConsentProblem> {
    let keeper = keeper(&admin, &consent)?;
    let withdrawn = withdraw_as(&operator.name, &keeper).await.map_err(ConsentProblem::store)?;
    Ok(Json(WithdrawAnswer { withdrawn }))
}

/// Withdraws a consent for an operator, and logs it.
pub(super) async fn withdraw_as(operator: &str, keeper: &Keeper) -> Result<bool, StoreError> {
    let withdrawn = keeper.withdraw(operator).await?;
    tracing::info!(consent = keeper.settings().name, operator, withdrawn, "a consent was withdrawn");
    Ok(withdrawn)
}

/// Has the first of the sealing keys seal every consent.
pub(super) async fn rewrap(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(RewrapQuestion { check }): Posted<RewrapQuestion>,
) -> Result<Json<Rewrapped>, ConsentProblem> {
    let any = admin.live.load().keepers.first().cloned().ok_or_else(ConsentProblem::none)?;
    let found = any.rewrap_all(check).await.map_err(ConsentProblem::store)?;
    let (rewrapped, due, sealed) = (found.rewrapped, found.due, found.sealed.len());
    tracing::info!(operator = operator.name, check, rewrapped, due, sealed, "the sealing of consents was looked at");
    Ok(Json(found))
}

/// The keeper of this consent.
fn keeper(admin: &Admin, name: &str) -> Result<Arc<Keeper>, ConsentProblem> {
    find(admin, name).ok_or_else(ConsentProblem::unknown)
}

/// The same, if there is one.
pub(super) fn find(admin: &Admin, name: &str) -> Option<Arc<Keeper>> {
    admin.live.load().keepers.named(name).cloned()
}
