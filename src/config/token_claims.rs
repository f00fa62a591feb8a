//! What an issuer's claims mean, from the file to what is used.

use super::file;
use super::problem::Problems;
use super::suggest::quoted;
use super::values::optional_duration;
use mfa_gateway_core::policy::MfaRule;
use mfa_gateway_core::token::{
    AppOnlyProof, ApplicationClaims, ClassProof, ClassRule, Condition, HomeRule, Must, OwnProof, Predicate, Test,
};

/// What proves MFA.
pub(super) fn mfa_rule(path: &str, file: Option<&file::MfaEvidence>, problems: &mut Problems<'_>) -> MfaRule {
    let Some(file) = file else { return MfaRule::default() };
    let max_age = optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems);
    let mut read = |field: &str, list: &[file::Predicate]| -> Vec<Predicate> {
        let predicate = |(at, one)| predicate(&format!("{path}.{field}[{at}]"), one, problems);
        list.iter().enumerate().filter_map(predicate).collect()
    };
    let (mut any, all, deny) = (read("any", &file.any), read("all", &file.all), read("deny", &file.deny));
    if file.any.is_empty() && file.all.is_empty() {
        any = MfaRule::default().any;
    }
    MfaRule { any, all, deny, max_age }
}

pub(super) fn predicate(path: &str, file: &file::Predicate, problems: &mut Problems<'_>) -> Option<Predicate> {
    let claim = claim_path(&format!("{path}.claim"), &file.claim, problems)?;
    let test = match (&file.contains, &file.equals) {
        (Some(value), None) if !value.is_empty() => Test::Contains(value.clone()),
        (None, Some(value)) if !value.is_empty() => Test::Equals(value.clone()),
        _ => {
            let message = "exactly one of `contains` and `equals` is required, with a value";
            problems.add(path, message, "write `{ claim: amr, contains: mfa }` or `{ claim: acr, equals: … }`");
            return None;
        }
    };
    Some(Predicate { claim, test })
}

fn claim_path(path: &str, file: &file::ClaimPath, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    let names = match file {
        file::ClaimPath::Name(name) => vec![name.clone()],
        file::ClaimPath::Path(names) => names.clone(),
    };
    if names.is_empty() || names.iter().any(String::is_empty) {
        problems.add(path, "the claim's name is empty", "write a claim's name, such as `amr`");
        return None;
    }
    Some(names)
}

/// What names a user's home tenant.
pub(super) fn home_rule(
    path: &str,
    claim: Option<&file::ClaimPath>,
    is_entra: bool,
    problems: &mut Problems<'_>,
) -> HomeRule {
    match claim.map(|claim| claim_path(&format!("{path}.home_claim"), claim, problems)) {
        None if is_entra => HomeRule::Entra,
        None | Some(None) => HomeRule::Unknown,
        Some(Some(path)) => HomeRule::Claim(path),
    }
}

/// Conditions of a list.
pub(super) fn conditions(path: &str, list: &[file::Condition], problems: &mut Problems<'_>) -> Vec<Condition> {
    let condition = |(at, one)| condition(&format!("{path}[{at}]"), one, problems);
    list.iter().enumerate().filter_map(condition).collect()
}

fn condition(path: &str, file: &file::Condition, problems: &mut Problems<'_>) -> Option<Condition> {
    let claim = claim_path(&format!("{path}.claim"), &file.claim, problems)?;
    if file.equals_claim.is_none() && (file.prefix.is_some() || file.suffix.is_some()) {
        let message = "`prefix` and `suffix` belong to `equals_claim`";
        problems.add(path, message, "write `{ claim: sub, equals_claim: azp, suffix: \"@clients\" }`");
        return None;
    }
    let must = match (&file.contains, &file.equals, &file.equals_claim, file.present) {
        (Some(value), None, None, None) if !value.is_empty() => Must::Pass(Test::Contains(value.clone())),
        (None, Some(value), None, None) if !value.is_empty() => Must::Pass(Test::Equals(value.clone())),
        (None, None, Some(other), None) => {
            let affix = |text: &Option<String>| text.clone().unwrap_or_default();
            let other = claim_path(&format!("{path}.equals_claim"), other, problems)?;
            if other == claim {
                problems.add(path, "a claim always equals itself", "name another claim in `equals_claim`");
            }
            Must::Match { claim: other, prefix: affix(&file.prefix), suffix: affix(&file.suffix) }
        }
        (None, None, None, Some(true)) => Must::BePresent,
        (None, None, None, Some(false)) => {
            let message = "`present: false` is not a condition";
            problems.add(path, message, "write `present: true`, under `none` for a claim that must not be there");
            return None;
        }
        _ => {
            let message = "exactly one of `contains`, `equals`, `equals_claim` and `present` is required, with a value";
            problems.add(path, message, "write for example `{ claim: tid, equals: … }`");
            return None;
        }
    };
    Some(Condition { claim, must })
}

/// What tells applications and users apart.
pub(super) fn class_rule(path: &str, file: &file::Issuer, is_entra: bool, problems: &mut Problems<'_>) -> ClassRule {
    let application = match &file.application_claims {
        None => ApplicationClaims::Usual,
        Some(names) => {
            if names.is_empty() || names.iter().any(String::is_empty) {
                let path = format!("{path}.application_claims");
                problems.add(
                    &path,
                    "a claim's name is missing",
                    "write the claim's name: `[cid]`, or remove the field",
                );
            }
            ApplicationClaims::Named(names.clone())
        }
    };
    let proof = match &file.app_only_proof {
        Some(file::AppOnlyProof::Own(own)) => {
            ClassProof::Own(own_proof(&format!("{path}.app_only_proof"), own, problems))
        }
        Some(file::AppOnlyProof::Known(known)) => ClassProof::Known(known_proof(*known)),
        None if is_entra => ClassProof::Known(AppOnlyProof::Entra),
        None => ClassProof::Known(AppOnlyProof::Any),
    };
    ClassRule { proof, application }
}

fn known_proof(file: file::KnownProof) -> AppOnlyProof {
    match file {
        file::KnownProof::Entra => AppOnlyProof::Entra,
        file::KnownProof::Idtyp => AppOnlyProof::Idtyp,
        file::KnownProof::Rfc9068 => AppOnlyProof::Rfc9068,
        file::KnownProof::Any => AppOnlyProof::Any,
        file::KnownProof::None => AppOnlyProof::None,
    }
}

fn own_proof(path: &str, file: &file::OwnProof, problems: &mut Problems<'_>) -> OwnProof {
    if file.all.is_empty() {
        let message = "there is no condition, so every token without a sign of a user would be app-only";
        let fix = "write what only app-only tokens say: `{ claim: gty, equals: client-credentials }`";
        problems.add(&format!("{path}.all"), message, fix);
    }
    for (at, name) in file.ignore.iter().enumerate().filter(|(_, name)| !OwnProof::can_ignore(name)) {
        let message = format!("{} is no sign of a user, so there is nothing to ignore", quoted(&[name]));
        let fix = "remove it; docs/tokens.md lists the signs, under App-only or app+user";
        problems.add(&format!("{path}.ignore[{at}]"), message, fix);
    }
    OwnProof {
        all: conditions(&format!("{path}.all"), &file.all, problems),
        none: conditions(&format!("{path}.none"), &file.none, problems),
        ignore: file.ignore.clone(),
    }
}
