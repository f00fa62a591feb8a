//! What responds to a route's requests: an upstream, or the gateway itself.

use std::collections::BTreeSet;

use http::Method;

use super::file;
use super::problem::Problems;
use super::values::tenant_ids;
use crate::routing::{Pattern, ReportedTenants, Responder};
use mfa_gateway_core::token::is_guid;

/// What a route names.
#[derive(Debug)]
pub(super) enum Served {
    /// The gateway itself.
    Itself(Responder),
    /// An upstream of this name.
    By(String),
}

/// What the gateway itself can serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Has {
    /// Whether there is a status report.
    pub(super) report: bool,
    /// Whether somebody may send security events.
    pub(super) events: bool,
}

/// The paths of Partner Center's REST calls, below the route.
const CALLS: [&str; 3] =
    ["v1/applicationmfaadoptionstatus", "v1/partnerRequests", "v1/nonMfaCompliantPartnerPrincipals"];

/// The paths of the token broker, below the route.
const TOKEN_CALLS: [&str; 2] = ["v1/token", "v1/consents"];

/// Reads what responds, and checks that nothing of the route contradicts it.
pub(super) fn build(
    path: &str,
    file: &file::Route,
    pattern: Option<&Pattern>,
    has: Has,
    problems: &mut Problems<'_>,
) -> Option<Served> {
    match (&file.upstream, file.serve) {
        (Some(upstream), None) => {
            if file.reported_tenants.is_some() {
                let message = "this is for a route that serves a report, and the route has an upstream";
                problems.add(&format!("{path}.reported_tenants"), message, "remove it");
            }
            Some(Served::By(upstream.clone()))
        }
        (None, Some(serve @ file::Serve::TokenBroker)) => {
            check_callers(path, file, problems);
            check_forwarding(path, file, serve, problems);
            check_path(path, pattern, serve, problems);
            if file.reported_tenants.is_some() {
                let message = "this is for a route that serves a report";
                problems.add(&format!("{path}.reported_tenants"), message, "remove it");
            }
            Some(Served::Itself(Responder::TokenBroker))
        }
        (None, Some(serve @ file::Serve::SecurityEvents)) => {
            check_events(path, file, has, problems);
            check_forwarding(path, file, serve, problems);
            Some(Served::Itself(Responder::SecurityEvents))
        }
        (None, Some(serve @ file::Serve::StatusReport)) => {
            check_rule(path, file, problems);
            check_forwarding(path, file, serve, problems);
            check_path(path, pattern, serve, problems);
            if !has.report {
                let message = "nothing is counted, so there is no status report to serve";
                problems.add(&format!("{path}.serve"), message, "add the section `report: {}`");
            }
            let tenants = tenants(&format!("{path}.reported_tenants"), file.reported_tenants.as_ref(), problems);
            Some(Served::Itself(Responder::StatusReport(tenants)))
        }
        (None, Some(file::Serve::Authorizers)) => {
            let useless = [
                ("body_bytes", file.body_bytes.is_some()),
                ("at_expiry", file.at_expiry == file::AtExpiry::Close),
                ("strip_prefix", file.strip_prefix.is_some()),
                ("rewrite", file.rewrite.is_some()),
                ("reported_tenants", file.reported_tenants.is_some()),
            ];
            for (field, _) in useless.into_iter().filter(|(_, is_set)| *is_set) {
                let message = "another proxy carries the requests of this route, and the gateway only judges them";
                problems.add(&format!("{path}.{field}"), message, "remove it");
            }
            Some(Served::Itself(Responder::Authorizers))
        }
        (Some(_), Some(_)) => {
            let message = "the route has both `upstream` and `serve`";
            problems.add(path, message, "keep one of them");
            None
        }
        (None, None) => {
            let message = "the field `upstream` is missing";
            problems.add(path, message, "add `upstream`: the name of one of the `upstreams`");
            None
        }
    }
}

/// The report lists people, so that it is for people with MFA and a role alone.
fn check_rule(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let message = "the status report lists people, and is for users with MFA alone";
    if file.require != file::Require::Mfa {
        problems.add(&format!("{path}.require"), message, "write `require: mfa`");
    }
    let relaxed = [
        ("mode", file.mode != file::Mode::Enforce),
        ("percentage", file.percentage.is_some_and(|percentage| percentage < 100)),
        ("enforce_from", file.enforce_from.is_some()),
    ];
    for (field, _) in relaxed.into_iter().filter(|(_, is_relaxed)| *is_relaxed) {
        problems.add(&format!("{path}.{field}"), message, "remove it, so that MFA is enforced for everybody");
    }
    if file.app_only != file::AppOnly::Deny {
        problems.add(&format!("{path}.app_only"), message, "write `app_only: deny`");
    }
    if file.roles.is_none() {
        let message = "the status report lists people, and no role is needed for it";
        problems.add(path, message, "list the roles that may read it: `roles: [Global administrator]`");
    }
}

/// What a transmitter sends proves itself, and has no token of a caller.
fn check_events(path: &str, file: &file::Route, has: Has, problems: &mut Problems<'_>) {
    if !has.events {
        let message = "there are no transmitters, so no security event would be accepted";
        problems.add(&format!("{path}.serve"), message, "add `security_events` with its `transmitters`");
    }
    if file.require != file::Require::Public {
        let message = "transmitters have no access token: what they send is verified by its signature";
        problems.add(&format!("{path}.require"), message, "write `require: public`");
    }
    if file.path.is_none() {
        let message = "transmitters send all events to one path";
        problems.add(path, message, "write `path: /security-events` in the place of `prefix`");
    }
    if file.reported_tenants.is_some() {
        let message = "this is for a route that serves a report";
        problems.add(&format!("{path}.reported_tenants"), message, "remove it");
    }
}

/// Access tokens are for programs that authenticate as themselves.
fn check_callers(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let wrong = [
        ("require", file.require == file::Require::Public),
        ("app_only", file.app_only == file::AppOnly::Deny),
        ("credential", file.takes() != file::Credential::Bearer),
    ];
    for (field, _) in wrong.into_iter().filter(|(_, is_wrong)| *is_wrong) {
        let message = "access tokens are for programs, which show app-only tokens or client certificates";
        problems.add(&format!("{path}.{field}"), message, "remove it");
    }
}

/// The methods of what the gateway itself serves; `None` if it takes any.
pub(super) fn methods(serve: file::Serve) -> Option<Vec<Method>> {
    match serve {
        file::Serve::StatusReport => Some(vec![Method::GET]),
        file::Serve::TokenBroker => Some(vec![Method::GET, Method::POST]),
        file::Serve::SecurityEvents => Some(vec![Method::POST]),
        file::Serve::Authorizers => None,
    }
}

/// What is about an upstream has no effect.
fn check_forwarding(path: &str, file: &file::Route, serve: file::Serve, problems: &mut Problems<'_>) {
    let useless = [
        ("authorization", file.authorization.is_some()),
        ("body_bytes", file.body_bytes.is_some()),
        ("encoded", file.encoded == file::Encoded::Forward),
        ("at_expiry", file.at_expiry == file::AtExpiry::Close),
        ("request_headers", file.request_headers.is_some()),
        ("strip_prefix", file.strip_prefix.is_some()),
        ("rewrite", file.rewrite.is_some()),
    ];
    for (field, _) in useless.into_iter().filter(|(_, is_set)| *is_set) {
        let message = "this is about an upstream, and the gateway itself serves the route";
        problems.add(&format!("{path}.{field}"), message, "remove it");
    }
    let served = methods(serve);
    let is_served = |method: &String| {
        method == "HEAD" || served.as_ref().is_none_or(|served| served.iter().any(|own| own.as_str() == method))
    };
    if file.methods.as_ref().is_some_and(|methods| !methods.iter().all(is_served)) {
        let (message, fix) = match serve {
            file::Serve::StatusReport => ("the status report can only be read", "remove it, or write `methods: [GET]`"),
            file::Serve::TokenBroker | file::Serve::Authorizers => {
                ("the gateway serves GET and POST there", "remove it")
            }
            file::Serve::SecurityEvents => ("transmitters only send", "remove it, or write `methods: [POST]`"),
        };
        problems.add(&format!("{path}.methods"), message, fix);
    }
}

/// A route for one path must be one that there is.
fn check_path(path: &str, pattern: Option<&Pattern>, serve: file::Serve, problems: &mut Problems<'_>) {
    let Some(Pattern::Exact(text)) = pattern else { return };
    let (calls, what): (&[&str], _) = match serve {
        file::Serve::StatusReport => (&CALLS, "the status report has nothing at this path"),
        file::Serve::TokenBroker => (&TOKEN_CALLS, "the gateway serves no access tokens at this path"),
        // It may be any.
        file::Serve::SecurityEvents | file::Serve::Authorizers => return,
    };
    if !calls.iter().any(|call| text.strip_suffix(call).is_some_and(|rest| rest.ends_with('/'))) {
        let calls = calls.iter().map(|call| format!("`/{call}`")).collect::<Vec<_>>().join(", ");
        let fix = format!("end it with one of {calls}; or write a `prefix`, below which all are");
        problems.add(&format!("{path}.path"), what, fix);
    }
}

fn tenants(path: &str, file: Option<&file::ReportedTenants>, problems: &mut Problems<'_>) -> ReportedTenants {
    match file {
        None => ReportedTenants::Own,
        Some(file::ReportedTenants::One(word)) if word == "own" => ReportedTenants::Own,
        Some(file::ReportedTenants::One(word)) if word == "all" => ReportedTenants::All,
        Some(file::ReportedTenants::One(id)) => {
            if !is_guid(id) {
                let message = format!("`{id}` is neither `own`, `all` nor a tenant id");
                problems.add(path, message, "write `own`, `all`, or a list of tenant ids");
            }
            ReportedTenants::Only(BTreeSet::from([id.to_ascii_lowercase()]))
        }
        Some(file::ReportedTenants::Several(ids)) => ReportedTenants::Only(tenant_ids(path, ids, problems)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::config::Config;
    use crate::routing::{ReportedTenants, Responder};

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
issuers: [{ name: idp, issuer: https://idp.example/, audiences: [https://api.example] }]
roles: [{ name: Auditor, any: [{ claim: groups, contains: auditors }] }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [ROUTE]
";

    const GOOD: &str = "{ prefix: /partner/, serve: status_report, roles: [Auditor], app_only: deny MORE }";

    /// The fields with problems, each with what is wrong.
    fn problems(route: &str, report: &str) -> Vec<String> {
        match Config::parse("f", &format!("{}{report}", FILE.replace("ROUTE", route)), HashMap::new()) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().iter().map(|one| format!("{}: {}", one.field, one.message)).collect(),
        }
    }

    fn served(more: &str) -> Responder {
        let text = format!("{}report: {{}}", FILE.replace("ROUTE", &GOOD.replace("MORE", more)));
        Config::parse("f", &text, HashMap::new()).unwrap().routes.remove(0).responder
    }

    #[test]
    fn a_report_is_about_the_caller_s_tenant_unless_the_route_names_others() {
        const TENANT: &str = "df845f1a-7b35-40a2-ba78-6481de91f8ae";
        let only = ReportedTenants::Only([TENANT.to_owned()].into());
        for (more, expected) in [
            ("", ReportedTenants::Own),
            (", reported_tenants: own", ReportedTenants::Own),
            (", reported_tenants: all", ReportedTenants::All),
            (&format!(", reported_tenants: {}", TENANT.to_uppercase()), only.clone()),
            (&format!(", reported_tenants: [{TENANT}]"), only),
        ] {
            assert_eq!(served(more), Responder::StatusReport(expected), "{more}");
        }
    }

    #[test]
    fn a_report_on_people_is_for_users_with_mfa_and_a_role_alone() {
        let people = "the status report lists people, and is for users with MFA alone";
        for (more, field) in [
            ("require: authenticated", "require"),
            ("mode: report", "mode"),
            ("percentage: 99", "percentage"),
            ("enforce_from: \"2030-01-01T00:00:00Z\"", "enforce_from"),
        ] {
            let found = problems(&GOOD.replace("MORE", &format!(", {more}")), "report: {}");
            assert_eq!(found, [format!("routes[0].{field}: {people}")], "{more}");
        }
        let found = problems(&GOOD.replace("app_only: deny MORE", "app_only: allow"), "report: {}");
        assert_eq!(found, [format!("routes[0].app_only: {people}")]);
        let found = problems(&GOOD.replace("roles: [Auditor],", "").replace("MORE", ""), "report: {}");
        assert_eq!(found, ["routes[0]: the status report lists people, and no role is needed for it"]);
        let found = problems(&GOOD.replace("MORE", ""), "");
        assert_eq!(found, ["routes[0].serve: nothing is counted, so there is no status report to serve"]);
    }

    #[test]
    fn what_is_about_an_upstream_is_a_problem_where_the_gateway_responds() {
        for (field, value) in [
            ("authorization", "remove"),
            ("body_bytes", "5"),
            ("encoded", "forward"),
            ("at_expiry", "close"),
            ("request_headers", "{ remove: [X-A] }"),
            ("strip_prefix", "/partner"),
            ("rewrite", "/v1"),
        ] {
            let found = problems(&GOOD.replace("MORE", &format!(", {field}: {value}")), "report: {}");
            let expected = "this is about an upstream, and the gateway itself serves the route";
            assert_eq!(found, [format!("routes[0].{field}: {expected}")]);
        }
        for (more, expected) in [
            (", methods: [GET, POST]", "routes[0].methods: the status report can only be read"),
            (", upstream: api", "routes[0]: the route has both `upstream` and `serve`"),
            (", reported_tenants: mine", "routes[0].reported_tenants: `mine` is neither `own`, `all` nor a tenant id"),
        ] {
            assert_eq!(problems(&GOOD.replace("MORE", more), "report: {}"), [expected]);
        }
        assert_eq!(problems("{ prefix: /, require: public }", ""), ["routes[0]: the field `upstream` is missing"]);
        let of_upstream = "{ prefix: /, upstream: api, reported_tenants: all }";
        let expected = "this is for a route that serves a report, and the route has an upstream";
        assert_eq!(problems(of_upstream, ""), [format!("routes[0].reported_tenants: {expected}")]);
    }

    #[test]
    fn a_route_for_one_path_ends_with_a_documented_one() {
        let of = |path: &str| {
            problems(&GOOD.replace("prefix: /partner/", &format!("path: {path}")).replace("MORE", ""), "report: {}")
        };
        assert_eq!(of("/v1/partnerRequests"), Vec::<String>::new());
        assert_eq!(of("/a/v1/nonMfaCompliantPartnerPrincipals"), Vec::<String>::new());
        for wrong in ["/v1/partnerrequests", "/xv1/partnerRequests", "/v1"] {
            assert_eq!(of(wrong), ["routes[0].path: the status report has nothing at this path"], "{wrong}");
        }
    }
}
