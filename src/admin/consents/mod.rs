//! Consents, for operators: listed, given, tried and withdrawn. Neither a refresh token nor an access token is in any response.

mod asked;
mod problem;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::operator::Operator;
use super::posted::Posted;
use super::respond::Json;
use crate::consent::{Issued, Keeper, Kept, Rewrapped};
use asked::{BeginQuestion, ConsentQuestion, FinishQuestion, RewrapQuestion};
use problem::ConsentProblem;

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
    for keeper in &keepers {
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
    match keeper.finish(&transaction, callback.as_bytes()).await {
        Ok(given) => {
            let (user, tenant) = (&given.user, &given.tenant);
            tracing::info!(consent, operator = operator.name, user, tenant, "a consent was given");
            let crate::consent::Given { user, display, tenant, warnings } = given;
            Ok(Json(FinishAnswer { user, display, tenant, warnings }))
        }
        Err(error) => {
            tracing::warn!(consent, operator = operator.name, %error, "a consent was not given");
            Err(error.into())
        }
    }
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
    let withdrawn = keeper(&admin, &consent)?.withdraw(&operator.name).await.map_err(ConsentProblem::store)?;
    tracing::info!(consent, operator = operator.name, withdrawn, "a consent was withdrawn");
    Ok(Json(WithdrawAnswer { withdrawn }))
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
    let live = admin.live.load();
    let found = live.keepers.iter().find(|keeper| keeper.settings().name == name);
    found.cloned().ok_or_else(ConsentProblem::unknown)
}
