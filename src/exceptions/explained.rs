//! What the gateway itself makes of a token of the account that an exception is for.
//!
//! The token is judged as a request with it would be, and forgotten: neither the store nor a log has it.

use http::Method;
use mfa_gateway_core::policy::{MfaFinding, Proof};
use mfa_gateway_core::token::Principal;
use mfa_gateway_store::{NewEvidence, NewException};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::refusal::Refusal;
use super::texts::invalid;
use crate::gateway::explain::pasted;
use crate::gateway::explain_now::explain_now;
use crate::gateway::{Live, Notice, Question};

const BAD_PATH: Notice = invalid(
    "The explanation's `method` or `path` names no route.",
    "Send the `method` and the `path` of a request that the account makes.",
);

const NO_TOKEN: Notice = invalid(
    "The token in `explain` is not valid, so that it shows nothing.",
    "Send an access token of the account that is valid now; `mfa-gateway explain` says what is wrong with one.",
);

const OTHER_ACCOUNT: Notice = invalid(
    "The token in `explain` is not one of the account that the exception is for.",
    "Send a token of exactly the `user` and `application` (and `tenant` and `issuer`) of the request.",
);

const RECOGNISED: Notice = invalid(
    "The token in `explain` proves MFA, so that the account needs no exception.",
    "Call the API with such a token. If other tokens lack MFA, send one of those.",
);

/// A token of the account, and the request that it is for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainForm {
    /// The access token, with or without `Bearer ` before it. The gateway doesn't keep it.
    pub(crate) token: String,
    /// The method of the request. Default `GET`.
    #[serde(default)]
    pub(crate) method: Option<String>,
    /// The path of the request. A query is ignored.
    pub(crate) path: String,
    /// The host of the request. It matters only if routes name hosts.
    #[serde(default)]
    pub(crate) host: Option<String>,
}

/// The explanation, as evidence.
pub(super) async fn attach(form: &ExplainForm, asked: &NewException, live: &Live) -> Result<NewEvidence, Refusal> {
    let method = form.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Told(&BAD_PATH))?;
    let path = form.path.split('?').next().unwrap_or_default();
    let question = Question::new(&method, path, pasted(&form.token)).at(form.host.as_deref().unwrap_or_default());
    let explained = explain_now(live, &question).await;
    let proof = explained.proof.ok_or(Refusal::Told(&NO_TOKEN))?;
    let Some(route) = &explained.explanation.route else { return Err(Refusal::Told(&BAD_PATH)) };
    if !is_of(&proof, asked) {
        return Err(Refusal::Told(&OTHER_ACCOUNT));
    }
    if proof.mfa == MfaFinding::Proven {
        return Err(Refusal::Told(&RECOGNISED));
    }
    let document = json!({
        "explained": live.clock.now().to_rfc3339(),
        "generation": live.generation,
        "method": method.as_str(),
        "route": route,
        "issuer": proof.issuer.name,
        "tenant": proof.tenant,
        "application": proof.principal.app().id,
        "user": proof.principal.user().and_then(|user| user.id.as_deref()),
        "explanation": explained.explanation.document(explained.trouble.as_deref()),
    });
    let bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    let [kind, name, media_type] = ["explain", "explanation.json", "application/json"].map(str::to_owned);
    Ok(NewEvidence { kind, name, media_type, bytes })
}

/// Whether a token is one of the account that the exception is for.
fn is_of(proof: &Proof, asked: &NewException) -> bool {
    let Principal::AppUser(application, user) = &proof.principal else { return false };
    let matches = |wanted: &str, seen: Option<&str>| wanted.is_empty() || seen == Some(wanted);
    matches(&asked.application, application.id.as_deref())
        && matches(&asked.user, user.id.as_deref())
        && matches(&asked.tenant, proof.tenant.as_deref())
        && matches(&asked.issuer, Some(&proof.issuer.name))
}
