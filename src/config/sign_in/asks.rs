//! What a sign-in and a step-up ask the issuer for.

use serde_json::Value;

use crate::config::Issuer;
use crate::config::file;
use crate::config::problem::Problems;
use crate::config::values::time;
use crate::oidc::Asks;
use mfa_gateway_core::policy::{MfaRule, Product};
use mfa_gateway_core::token::{EntraVersion, IssuerRule};

/// The values of `prompt` that show something (OpenID Connect Core section 3.1.2.1).
const PROMPTS: [&str; 4] = ["login", "consent", "select_account", "create"];

/// Reads what is asked for.
pub(super) fn read(path: &str, file: &file::Asks, problems: &mut Problems<'_>) -> Asks {
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    for (field, list) in [("acr_values", &file.acr_values), ("amr_values", &file.amr_values)] {
        let spaced = |value: &String| value.is_empty() || value.contains(|char: char| !char.is_ascii_graphic());
        if list.iter().flatten().any(spaced) {
            let message = "a value is empty, or has a space or another character that isn't visible ASCII";
            problems.add(&format!("{path}.{field}"), message, "write a list with one value per element");
        }
    }
    if let Some(claims) = &file.claims
        && !serde_json::from_str::<Value>(claims).is_ok_and(|claims| claims.is_object())
    {
        let fix =
            "write it in single quotes: `'{\"id_token\": {\"acr\": {\"essential\": true, \"values\": [\"gold\"]}}}'`";
        problems.add(&format!("{path}.claims"), "this is not a JSON object", fix);
    }
    if let Some(prompt) = &file.prompt {
        check_prompt(&format!("{path}.prompt"), prompt, problems);
    }
    let field = format!("{path}.max_age");
    let longest = std::time::Duration::from_secs(366 * 24 * 3600);
    let max_age = file.max_age.as_deref();
    let max_age = max_age
        .map(|text| time(&field, Some(text), longest, std::time::Duration::from_secs(1)..=longest, problems).as_secs());
    Asks {
        acr_values: words(&file.acr_values),
        amr_values: words(&file.amr_values),
        claims: file.claims.clone(),
        prompt: file.prompt.clone(),
        max_age,
    }
}

fn check_prompt(field: &str, prompt: &str, problems: &mut Problems<'_>) {
    let mut words = prompt.split(' ');
    if prompt == "none" {
        let message = "with `none`, the issuer shows nothing, so that nobody could sign in or complete MFA";
        problems.add(field, message, "write `login`, `consent` or `select_account`, or remove the field");
    } else if !words.all(|word| PROMPTS.contains(&word)) {
        problems.add(
            field,
            format!("`{prompt}` is no value of `prompt`"),
            "write `login`, `consent` or `select_account`",
        );
    }
}

/// What a step-up asks for: what the file says, or what the issuer's product takes for a request of MFA.
pub(super) fn step_up(path: &str, file: &file::SignIn, issuer: Option<&Issuer>, problems: &mut Problems<'_>) -> Asks {
    let field = format!("{path}.step_up");
    let (product, version) =
        issuer.map_or((Product::Generic, None), |issuer| (issuer.profile.product, version(issuer)));
    let asks = file.step_up.as_ref().map(|asks| read(&field, asks, problems));
    if version == Some(EntraVersion::V2) && asks.as_ref().is_some_and(|asks| !asks.amr_values.is_empty()) {
        let message = "Entra's v2 endpoint refuses `amr_values` (AADSTS901002)";
        problems.add(&format!("{field}.amr_values"), message, "remove it, or write `endpoint: v1`");
    }
    let Some(issuer) = issuer else { return Asks::default() };
    if version == Some(EntraVersion::V2) && needs_amr(&issuer.profile.mfa) {
        let message =
            "ID tokens of Entra's v2 endpoint have no `amr` by themselves, which the issuer's `mfa_evidence` needs";
        let fix = "write `endpoint: v1`, or let `mfa_evidence` read an authentication context: `{ claim: acrs, contains: c1 }`";
        problems.warn(&format!("{path}.endpoint"), message, fix);
    }
    asks.unwrap_or_else(|| Asks::step_up(product, version, &issuer.profile.mfa))
}

/// Whether nothing but `amr` can prove MFA.
pub(super) fn needs_amr(rule: &MfaRule) -> bool {
    let is_amr = |claim: &[String]| claim == ["amr"];
    rule.all.iter().any(|one| is_amr(&one.claim))
        || !rule.any.is_empty() && rule.any.iter().all(|one| is_amr(&one.claim))
}

/// The version of Entra's endpoint, if the issuer is Entra.
pub(in crate::config) fn version(issuer: &Issuer) -> Option<EntraVersion> {
    match &issuer.rules.issuer {
        IssuerRule::Entra { version, .. } => Some(*version),
        IssuerRule::Exact(_) => None,
    }
}
