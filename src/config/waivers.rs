//! What may waive an MFA finding, from the file to what is used: technical exceptions, and the stages of activation.

use std::collections::{HashMap, HashSet};

use super::file;
use super::names::List;
use super::problem::Problems;
use crate::routing::Route;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::{Activation, Exception, ExceptionSet, Mode, Stage, StageSet};
use mfa_gateway_core::token::is_guid;

pub(super) fn exceptions(
    files: Vec<file::Exception>,
    issuers: &List,
    routes: &[Route],
    problems: &mut Problems<'_>,
) -> ExceptionSet {
    let mut ids = HashSet::new();
    let patterns: List = routes.iter().map(|route| route.pattern.as_written()).collect();
    let now = Clock::system().now();
    let mut exceptions = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("exceptions[{at}]");
        for (field, value) in [("id", &file.id), ("owner", &file.owner), ("reason", &file.reason)] {
            if value.trim().is_empty() {
                problems.add(&format!("{path}.{field}"), "the text is empty", "write a text: logs and reports show it");
            }
        }
        if file.id.starts_with(Exception::GRANTED) {
            let message =
                format!("ids that begin with `{}` are those of exceptions that people granted", Exception::GRANTED);
            problems.add(&format!("{path}.id"), message, "choose another id");
        }
        if !ids.insert(file.id.clone()) {
            problems.add(&format!("{path}.id"), "another exception has this id", "give each exception its own id");
        }
        if file.application.is_none() && file.user.is_none() {
            let message = "the exception matches every caller";
            problems.add(&path, message, "narrow it with `application` or `user`");
        }
        check_references(&path, &file, issuers, &patterns, problems);
        let Some(expires) = date(&format!("{path}.expires"), &file.expires, problems) else { continue };
        warn_of_end(&format!("{path}.expires"), expires, now, problems);
        exceptions.push(Exception {
            id: file.id,
            owner: file.owner,
            reason: file.reason,
            begins: None,
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

/// An exception that has ended is forgotten, or its callers are refused and nobody knows why.
fn warn_of_end(path: &str, expires: Timestamp, now: Timestamp, problems: &mut Problems<'_>) {
    if expires <= now {
        let message = format!("the exception ended at {expires}, and waives nothing any more");
        problems.warn(path, message, "remove it, or set a later date after a review");
    } else if expires.minus(Exception::SOON) <= now {
        let message = format!("the exception ends soon, at {expires}: from then on its callers need MFA");
        problems.warn(path, message, "have its callers do MFA until then, or set a later date after a review");
    }
}

fn check_references(path: &str, file: &file::Exception, issuers: &List, patterns: &List, problems: &mut Problems<'_>) {
    if let Some(issuer) = &file.issuer {
        check_issuer(path, issuer, issuers, problems);
    }
    for (at, pattern) in file.routes.iter().flatten().enumerate() {
        if !patterns.has(pattern) {
            let message = format!("there is no route `{pattern}`");
            problems.add(&format!("{path}.routes[{at}]"), message, patterns.suggest(pattern));
        }
    }
}

/// The stages, in the order of the file.
pub(super) fn stages(files: Vec<file::Stage>, issuers: &List, problems: &mut Problems<'_>) -> StageSet {
    let mut stages: Vec<Stage> = Vec::new();
    let mut first = HashMap::new();
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
        if let Some(other) = wider(&stage).filter_map(|who| first.get(&who)).min() {
            let message = format!("activation[{other}] comes first and matches every caller that this stage matches");
            problems.add(&path, message, "put the narrower stage first: the first stage that matches a caller applies");
        }
        first.entry(who(&stage)).or_insert(at);
        stages.push(stage);
    }
    StageSet::new(stages)
}

/// Whom a stage matches: each part that is there.
type Who = [Option<String>; 3];

fn who(stage: &Stage) -> Who {
    [stage.issuer.clone(), stage.tenant.clone(), stage.application.clone()]
}

/// Everything that matches every caller whom a stage matches: the same, with each of its parts or without.
fn wider(stage: &Stage) -> impl Iterator<Item = Who> {
    let own = who(stage);
    (0..1 << own.len()).map(move |kept: usize| {
        let mut at = 0;
        own.clone().map(|part| {
            at += 1;
            part.filter(|_| kept >> (at - 1) & 1 == 1)
        })
    })
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

pub(super) fn check_issuer(path: &str, issuer: &str, issuers: &List, problems: &mut Problems<'_>) {
    if !issuers.has(issuer) {
        let message = format!("there is no issuer `{issuer}`");
        problems.add(&format!("{path}.issuer"), message, issuers.suggest(issuer));
    }
}

pub(super) fn date(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Timestamp> {
    let time = Timestamp::parse(text);
    if time.is_none() {
        problems.add(path, "this is not a date and time in UTC (RFC 3339)", "write it as `2027-01-31T00:00:00Z`");
    }
    time
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::super::Config;
    use super::*;

    fn warnings(expires: Timestamp) -> Vec<String> {
        let file = format!(
            "
listeners: [{{ address: \"127.0.0.1:0\" }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
routes: [{{ prefix: /, upstream: api, require: public }}]
exceptions:
  - {{ id: batch, owner: o, reason: r, user: u, expires: \"{expires}\" }}
"
        );
        let warnings = Config::parse("f", &file, HashMap::new()).unwrap().warnings;
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_exception_that_ended_or_ends_soon_is_warned_of_with_its_place() {
        let (now, hour) = (Clock::system().now(), Duration::from_secs(3600));
        for (expires, told) in [
            (Timestamp::from_secs(1_500_000_000), "the exception ended at 2017-07-14T02:40:00Z"),
            (now.minus(hour), "the exception ended"),
            (now.plus(hour), "ends soon"),
            (now.plus(Exception::SOON.saturating_sub(hour)), "ends soon"),
        ] {
            let warnings = warnings(expires);
            assert_eq!(warnings.len(), 1, "{expires}");
            assert!(warnings[0].contains(told), "{}", warnings[0]);
            assert!(warnings[0].starts_with("warning: exceptions[0].expires: ") && warnings[0].contains("f:6:"));
        }
        assert!(warnings(now.plus(Exception::SOON + hour)).is_empty());
    }

    #[test]
    fn an_id_of_granted_exceptions_is_no_configured_ones() {
        let file = "
listeners: [{ address: \"127.0.0.1:0\" }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
exceptions:
  - { id: granted-batch, owner: o, reason: r, user: u, expires: \"2036-01-01T00:00:00Z\" }
";
        let error = Config::parse("f", file, HashMap::new()).unwrap_err();
        assert_eq!(error.problems().iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["exceptions[0].id"]);
    }
}
