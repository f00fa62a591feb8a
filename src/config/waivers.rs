//! What may waive an MFA finding, from the file to what is used: technical exceptions, and the stages of activation.

use super::file;
use super::problem::Problems;
use super::suggest::suggest;
use super::values::duplicate;
use crate::routing::Route;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Activation, Exception, ExceptionSet, Mode, Stage, StageSet};
use mfa_gateway_core::token::is_guid;

pub(super) fn exceptions(
    files: Vec<file::Exception>,
    issuers: &[String],
    routes: &[Route],
    problems: &mut Problems<'_>,
) -> ExceptionSet {
    let ids: Vec<String> = files.iter().map(|exception| exception.id.clone()).collect();
    let mut exceptions = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("exceptions[{at}]");
        for (field, value) in [("id", &file.id), ("owner", &file.owner), ("reason", &file.reason)] {
            if value.trim().is_empty() {
                problems.add(&format!("{path}.{field}"), "the text is empty", "write a text: logs and reports show it");
            }
        }
        if duplicate(&ids, at) {
            problems.add(&format!("{path}.id"), "another exception has this id", "give each exception its own id");
        }
        if file.application.is_none() && file.user.is_none() {
            let message = "the exception matches every caller";
            problems.add(&path, message, "narrow it with `application` or `user`");
        }
        check_references(&path, &file, issuers, routes, problems);
        let Some(expires) = date(&format!("{path}.expires"), &file.expires, problems) else { continue };
        exceptions.push(Exception {
            id: file.id,
            owner: file.owner,
            reason: file.reason,
            expires,
            application: file.application,
            user: file.user,
            tenant: file.tenant,
            issuer: file.issuer,
            routes: file.routes,
        });
    }
    ExceptionSet::new(exceptions)
}

fn check_references(
    path: &str,
    file: &file::Exception,
    issuers: &[String],
    routes: &[Route],
    problems: &mut Problems<'_>,
) {
    if let Some(issuer) = &file.issuer {
        check_issuer(path, issuer, issuers, problems);
    }
    let patterns: Vec<&str> = routes.iter().map(|route| route.pattern.as_written()).collect();
    for (at, pattern) in file.routes.iter().flatten().enumerate() {
        if !patterns.contains(&pattern.as_str()) {
            let message = format!("there is no route `{pattern}`");
            problems.add(&format!("{path}.routes[{at}]"), message, suggest(pattern, &patterns));
        }
    }
}

/// The stages, in the order of the file.
pub(super) fn stages(files: Vec<file::Stage>, issuers: &[String], problems: &mut Problems<'_>) -> StageSet {
    let mut stages: Vec<Stage> = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("activation[{at}]");
        if file.issuer.is_none() && file.tenant.is_none() && file.application.is_none() {
            let message = "the stage matches every caller, so no route's own `mode` would ever apply";
            problems.add(&path, message, "add `issuer`, `tenant` or `application`, or set `mode` on the routes");
        }
        if let Some(issuer) = &file.issuer {
            check_issuer(&path, issuer, issuers, problems);
        }
        if let Some(tenant) = file.tenant.as_ref().filter(|tenant| !is_guid(tenant)) {
            let fix = "write the directory (tenant) id, a GUID such as df845f1a-7b35-40a2-ba78-6481de91f8ae";
            problems.add(&format!("{path}.tenant"), format!("`{tenant}` is not a tenant id"), fix);
        }
        let activation = activation(&path, file.mode, file.percentage, file.enforce_from.as_deref(), problems);
        let lower = |text: Option<String>| text.map(|text| text.to_ascii_lowercase());
        let stage =
            Stage { issuer: file.issuer, tenant: lower(file.tenant), application: lower(file.application), activation };
        if let Some(other) = stages.iter().position(|other| hides(other, &stage)) {
            let message = format!("activation[{other}] comes first and matches every caller that this stage matches");
            problems.add(&path, message, "put the narrower stage first: the first stage that matches a caller applies");
        }
        stages.push(stage);
    }
    StageSet::new(stages)
}

/// Whether `earlier` matches every caller that `later` matches.
fn hides(earlier: &Stage, later: &Stage) -> bool {
    let wider = |earlier: &Option<String>, later: &Option<String>| earlier.is_none() || earlier == later;
    wider(&earlier.issuer, &later.issuer)
        && wider(&earlier.tenant, &later.tenant)
        && wider(&earlier.application, &later.application)
}

/// A mode with its stage.
pub(super) fn activation(
    path: &str,
    mode: file::Mode,
    percentage: Option<u8>,
    enforce_from: Option<&str>,
    problems: &mut Problems<'_>,
) -> Activation {
    let mode = match mode {
        file::Mode::Enforce => Mode::Enforce,
        file::Mode::Report => Mode::Report,
        file::Mode::Off => Mode::Off,
    };
    if percentage.is_some_and(|percentage| percentage > 100) {
        problems.add(&format!("{path}.percentage"), "the percentage is above 100", "write a number from 0 to 100");
    }
    for (field, given) in [("percentage", percentage.is_some()), ("enforce_from", enforce_from.is_some())] {
        if given && mode != Mode::Enforce {
            let message = format!("this has no effect with `mode: {}`", mode.name());
            problems.add(&format!("{path}.{field}"), message, "remove it, or set `mode: enforce`");
        }
    }
    let enforce_from = enforce_from.and_then(|text| date(&format!("{path}.enforce_from"), text, problems));
    Activation { mode, percentage: percentage.unwrap_or(100), enforce_from }
}

fn check_issuer(path: &str, issuer: &str, issuers: &[String], problems: &mut Problems<'_>) {
    if !issuers.iter().any(|known| known == issuer) {
        let names: Vec<&str> = issuers.iter().map(String::as_str).collect();
        problems.add(&format!("{path}.issuer"), format!("there is no issuer `{issuer}`"), suggest(issuer, &names));
    }
}

fn date(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Timestamp> {
    let time = Timestamp::parse(text);
    if time.is_none() {
        problems.add(path, "this is not a date and time in UTC (RFC 3339)", "write it as `2027-01-31T00:00:00Z`");
    }
    time
}
