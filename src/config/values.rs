//! Single values that fields of several sections have: from the text of the file to what it means.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::Method;

use super::file;
use super::problem::Problems;
use mfa_gateway_core::policy::Dialect;
use mfa_gateway_core::token::is_guid;

/// A name goes into logs and metrics.
pub(super) fn name(path: &str, name: &str, problems: &mut Problems<'_>) {
    let usable = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(usable) {
        let message = "the name is not 1 to 64 letters, digits, dots, dashes or underscores";
        problems.add(&format!("{path}.name"), message, "choose a short name, such as `partner-api`");
    }
}

/// Fields for which a duration of 0 has a meaning.
const MAY_BE_ZERO: [&str; 6] =
    [".clock_skew", ".keep_alive", ".half_closed", ".drain", ".drain_delay", ".cors.max_age"];

/// A duration, or the default.
pub(super) fn duration(path: &str, text: Option<&str>, default: Duration, problems: &mut Problems<'_>) -> Duration {
    optional_duration(path, text, problems).unwrap_or(default)
}

/// A duration within a range.
pub(super) fn time(
    path: &str,
    text: Option<&str>,
    default: Duration,
    range: RangeInclusive<Duration>,
    problems: &mut Problems<'_>,
) -> Duration {
    let value = duration(path, text, default, problems);
    // A duration of 0 is already a problem.
    if !value.is_zero() && !range.contains(&value) {
        let [value, low, high] = [value, *range.start(), *range.end()].map(humantime::format_duration);
        problems.add(path, format!("{value} is out of range"), format!("write a time from {low} to {high}"));
    }
    value
}

/// A duration, if there is one.
pub(super) fn optional_duration(path: &str, text: Option<&str>, problems: &mut Problems<'_>) -> Option<Duration> {
    let duration = humantime::parse_duration(text?).ok();
    if duration == Some(Duration::ZERO) && !MAY_BE_ZERO.iter().any(|field| path.ends_with(field)) {
        problems.add(
            path,
            "a duration of 0 is not allowed",
            "remove the field to use the default, or write a longer duration",
        );
    }
    if duration.is_none() {
        problems.add(path, "this is not a duration", "write a number with a unit: `250ms`, `30s`, `5m`, `1h`, `2days`");
    }
    duration
}

/// Tenant ids, in lower case.
pub(super) fn tenant_ids(path: &str, list: &[String], problems: &mut Problems<'_>) -> BTreeSet<String> {
    if list.is_empty() {
        problems.add(path, "the list is empty, so no token would be accepted", "list at least one tenant id");
    }
    for (at, tenant) in list.iter().enumerate() {
        if !is_guid(tenant) {
            let message = format!("`{tenant}` is not a tenant id");
            problems.add(&format!("{path}[{at}]"), message, tenant_fix(path, tenant));
        }
    }
    list.iter().map(|tenant| tenant.to_ascii_lowercase()).collect()
}

/// Checks the id of one tenant.
pub(super) fn tenant_id(path: &str, tenant: &str, problems: &mut Problems<'_>) {
    if !is_guid(tenant) {
        problems.add(path, format!("`{tenant}` is not a tenant id"), tenant_fix(path, tenant));
    }
}

/// What to write in the place of a word that names several tenants at Entra's endpoints, or of a domain's name.
fn tenant_fix(path: &str, tenant: &str) -> String {
    const ID: &str = "write the directory (tenant) id, a GUID such as df845f1a-7b35-40a2-ba78-6481de91f8ae";
    match tenant.to_ascii_lowercase().as_str() {
        "common" | "organizations" | "any" | "*" if path.ends_with(".entra.tenants") => {
            "write `tenants: any`, without brackets, to accept every tenant, or list the tenants' ids".to_owned()
        }
        "common" | "organizations" | "any" | "*" => {
            "list the tenants' ids, or remove the field to accept every tenant that the issuers trust".to_owned()
        }
        "consumers" => "write the tenant of personal accounts: 9188040d-6c67-4c5b-b112-36a304b66dad".to_owned(),
        domain if domain.contains('.') => format!(
            "{ID}; the issuer in https://login.microsoftonline.com/{domain}/.well-known/openid-configuration has it"
        ),
        _ => ID.to_owned(),
    }
}

pub(super) fn dialect(file: file::Dialect) -> Dialect {
    match file {
        file::Dialect::PartnerCenter => Dialect::PartnerCenter,
        file::Dialect::Oauth => Dialect::Oauth,
    }
}

/// The methods with these names.
pub(super) fn read_methods(path: &str, names: &[String], problems: &mut Problems<'_>) -> Vec<Method> {
    if names.is_empty() {
        problems.add(
            path,
            "the list is empty, so the route would never match",
            "remove `methods` to match every method",
        );
    }
    let mut methods = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let usable = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        match Method::from_bytes(name.as_bytes()) {
            Ok(method) if usable && !matches!(method, Method::CONNECT | Method::TRACE) => methods.push(method),
            _ => problems.add(
                &format!("{path}[{at}]"),
                format!("the gateway doesn't serve the method `{name}`"),
                "write a method in capital letters, such as GET; the gateway always refuses CONNECT and TRACE",
            ),
        }
    }
    methods
}

/// A limit on bodies. 0 has two meanings in other programs, so it has none here.
pub(super) fn body_bytes(path: &str, most: Option<u64>, problems: &mut Problems<'_>) -> Option<u64> {
    if most == Some(0) {
        problems.add(
            path,
            "0 is ambiguous: it could mean no body or no limit",
            "write 1 or more, or remove the field for no limit",
        );
    }
    most
}
