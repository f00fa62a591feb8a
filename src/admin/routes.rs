//! The routes, in the order in which they are matched.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::context::Admin;
use super::respond::Json;
use crate::config::Config;
use crate::routing::{Pattern, ReportedTenants, Responder, Route, SessionUse};
use mfa_gateway_core::policy::{AppOnlyRule, Dialect, Requirement};

/// All routes: the first that matches the path and the method applies.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RoutesAnswer {
    routes: Vec<RouteDetail>,
}

/// A route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RouteDetail {
    /// `path`: this exact path. `prefix`: this path and every path below it.
    #[schemars(extend("enum" = ["path", "prefix"]))]
    r#match: &'static str,
    /// The path or prefix, as the configuration writes it.
    path: String,
    /// The hosts; `null` for all that other routes name.
    hosts: Option<Vec<String>>,
    /// The methods; `null` for all.
    methods: Option<Vec<String>>,
    /// The upstream's name; `null` if the gateway itself responds.
    upstream: Option<String>,
    /// What the gateway itself serves; `null` for a route with an upstream.
    #[schemars(extend("enum" = ["status_report", "token_broker", "security_events", null]))]
    serve: Option<&'static str>,
    /// With `serve`, whom the report is about: `own`, `all`, or the ids of tenants; `null` for a route with an upstream.
    reported_tenants: Option<Vec<String>>,
    /// The requirement for callers.
    #[schemars(extend("enum" = ["public", "authenticated", "mfa"]))]
    require: &'static str,
    /// The maximum age of the user's sign-in; `null` for no maximum.
    max_age_seconds: Option<u64>,
    /// Whether app-only tokens are accepted.
    #[schemars(extend("enum" = ["allow", "allow_except_vendors", "deny"]))]
    app_only: &'static str,
    /// The tenants that may call; `null` for all tenants that the issuers trust.
    tenants: Option<Vec<String>>,
    /// The mode, unless a stage matches the caller.
    #[schemars(extend("enum" = ["off", "report", "enforce"]))]
    mode: &'static str,
    /// The percentage of applications that MFA is enforced for.
    percentage: u8,
    /// The time when enforcement begins (RFC 3339); `null` if it has begun.
    enforce_from: Option<String>,
    /// The dialect of refusals; `null` if the issuer sets it.
    #[schemars(extend("enum" = ["partner-center", "oauth", null]))]
    dialect: Option<&'static str>,
    /// The credential that it takes.
    #[schemars(extend("enum" = ["bearer", "session", "either"]))]
    credential: &'static str,
    /// The name of the sign-in whose sessions it takes; `null` if it takes none.
    sign_in: Option<String>,
    /// The name of the consent whose access token the upstream receives; `null` if it uses none.
    consent: Option<String>,
    /// Whether the upstream receives the caller's token.
    forward_authorization: bool,
    /// Whether paths with forms that servers read differently, such as an encoded slash, are forwarded.
    forward_encoded: bool,
    /// What becomes of the path on its way to the upstream; `null` if nothing does.
    rewrite: Option<RewriteDetail>,
}

/// What becomes of the first part of a path.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RewriteDetail {
    /// The part that is replaced.
    from: String,
    /// The part that takes its place; `/` if nothing does.
    to: String,
}

/// All routes.
pub(super) async fn routes(State(admin): State<Arc<Admin>>) -> Json<RoutesAnswer> {
    Json(RoutesAnswer { routes: in_order(&admin.state.load().config) })
}

fn in_order(config: &Config) -> Vec<RouteDetail> {
    let mut routes: Vec<&Route> = config.routes.iter().collect();
    // Of two for the same pattern the first counts; the sort keeps their order.
    routes.sort_by_key(|route| match &route.pattern {
        Pattern::Exact(path) => (false, Reverse(0), path.as_str()),
        Pattern::Prefix(path) => (true, Reverse(path.trim_end_matches('/').len()), path.as_str()),
    });
    routes.into_iter().map(|route| detail(config, route)).collect()
}

fn detail(config: &Config, route: &Route) -> RouteDetail {
    let upstream = route.upstream().and_then(|place| config.upstreams.get(place.0));
    let reported = match &route.responder {
        Responder::Upstream(_) | Responder::TokenBroker | Responder::SecurityEvents | Responder::Authorizers => None,
        Responder::StatusReport(ReportedTenants::Own) => Some(vec!["own".to_owned()]),
        Responder::StatusReport(ReportedTenants::All) => Some(vec!["all".to_owned()]),
        Responder::StatusReport(ReportedTenants::Only(tenants)) => Some(tenants.iter().cloned().collect()),
    };
    RouteDetail {
        r#match: match route.pattern {
            Pattern::Exact(_) => "path",
            Pattern::Prefix(_) => "prefix",
        },
        path: route.pattern.as_written().to_owned(),
        hosts: (!route.hosts.is_empty()).then(|| route.hosts.iter().map(ToString::to_string).collect()),
        methods: route.methods.as_ref().map(|methods| methods.iter().map(ToString::to_string).collect()),
        upstream: upstream.map(|upstream| upstream.name.clone()),
        serve: match &route.responder {
            Responder::Upstream(_) => None,
            Responder::StatusReport(_) => Some("status_report"),
            Responder::TokenBroker => Some("token_broker"),
            Responder::Authorizers => Some("authorizers"),
            Responder::SecurityEvents => Some("security_events"),
        },
        reported_tenants: reported,
        require: route.rule.requirement.name(),
        max_age_seconds: match route.rule.requirement {
            Requirement::Mfa { max_age } => max_age.map(|age| age.as_secs()),
            _ => None,
        },
        app_only: match route.rule.app_only {
            AppOnlyRule::Allow => "allow",
            AppOnlyRule::AllowExcept(_) => "allow_except_vendors",
            AppOnlyRule::Deny => "deny",
        },
        tenants: route.rule.tenants.as_ref().map(|tenants| tenants.iter().cloned().collect()),
        mode: route.rule.activation.mode.name(),
        percentage: route.rule.activation.percentage,
        enforce_from: route.rule.activation.enforce_from.map(|from| from.to_string()),
        dialect: route.dialect.map(|dialect| match dialect {
            Dialect::PartnerCenter => "partner-center",
            Dialect::Oauth => "oauth",
        }),
        credential: match route.sessions {
            None => "bearer",
            Some(SessionUse { or_token: false, .. }) => "session",
            Some(SessionUse { or_token: true, .. }) => "either",
        },
        sign_in: route
            .sessions
            .and_then(|sessions| config.sign_ins.get(sessions.sign_in.0))
            .map(|sign_in| sign_in.name.clone()),
        consent: route.consent.as_deref().map(|consent| consent.name.clone()),
        forward_authorization: route.forward_authorization,
        forward_encoded: route.forward_encoded,
        rewrite: route
            .rewrite
            .as_ref()
            .map(|rewrite| RewriteDetail { from: rewrite.from().to_owned(), to: rewrite.to().to_owned() }),
    }
}
