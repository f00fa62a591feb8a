//! Routes, from the file to what is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::HeaderName;

use super::field_edits::{self, Message};
use super::names::Names;
use super::problem::Problems;
use super::sign_in::Place;
use super::values::{body_bytes, dialect, optional_duration, read_methods, tenant_ids};
use super::waivers::activation;
use super::{consent_use, context, cors, credential, file, hosting, pattern, roles, sender, serve, token_from};
use crate::routing::{Pattern, RateLimitId, Responder, Route, TokenPlace, UpstreamId, crossed};
use mfa_gateway_core::policy::{AppOnlyRule, Requirement, Rule};

/// What routes may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'n> {
    pub(super) names: &'n Names,
    /// The sign-ins, with what they take for themselves.
    pub(super) sign_ins: &'n [Place],
    /// The fields that hold claims of tokens.
    pub(super) claim_fields: &'n [HeaderName],
    /// What the gateway itself can serve.
    pub(super) has: serve::Has,
    /// Whether DPoP proofs have to hold nonces.
    pub(super) has_nonces: bool,
}

pub(super) fn build(
    files: Vec<file::Route>,
    named: Named<'_>,
    vendors: &Arc<BTreeSet<String>>,
    problems: &mut Problems<'_>,
) -> Vec<Route> {
    if files.is_empty() {
        problems.add(
            "routes",
            "there is no route, so nothing would be served",
            "add one: `{ prefix: /, upstream: api }`",
        );
    }
    let mut routes: Vec<(usize, Route)> = Vec::new();
    let mut alike = pattern::Alike::default();
    for (at, file) in files.into_iter().enumerate() {
        let path = format!("routes[{at}]");
        let Some(route) = build_one(&path, file, named, vendors, problems) else { continue };
        if let Some(other) = alike.add(at, &route) {
            let message = format!("routes[{other}] already matches this path and method");
            problems.add(&path, message, "give them different methods (GET includes HEAD), or remove one");
        }
        routes.push((at, route));
    }
    let (places, routes): (Vec<usize>, Vec<Route>) = routes.into_iter().unzip();
    check_boundaries(&places, &routes, problems);
    routes
}

/// A route that forwards what servers read differently must not have another rule below it.
fn check_boundaries(places: &[usize], routes: &[Route], problems: &mut Problems<'_>) {
    for (at, below) in crossed(routes) {
        let (Some(at), Some(place), Some(below)) = (places.get(at), places.get(below), routes.get(below)) else {
            continue;
        };
        let message = format!(
            "routes[{place}] (`{}`) lies below and has another rule, which such a path could lead around",
            below.pattern.as_written()
        );
        problems.add(
            &format!("routes[{at}].encoded"),
            message,
            "remove `encoded: forward`, or move it to a narrower route with one rule",
        );
    }
}

fn build_one(
    path: &str,
    file: file::Route,
    named: Named<'_>,
    vendors: &Arc<BTreeSet<String>>,
    problems: &mut Problems<'_>,
) -> Option<Route> {
    check_public(path, &file, problems);
    sender::check(path, &file, problems);
    let rule = rule(path, &file, named.names, vendors, problems);
    let sessions = credential::build(path, &file, named.sign_ins, problems);
    let forwards_token = credential::forwards_token(&file);
    let pattern = pattern::build(path, file.path.clone(), file.prefix.clone(), problems);
    let consent = consent_use::build(path, &file, pattern.as_ref(), (named.names, named.claim_fields), problems);
    let (context, customer_at) = context::read(path, &file, pattern.as_ref(), problems);
    check_encoded(path, &file, pattern.as_ref(), problems);
    let pattern = pattern.inspect(|pattern| credential::check_reach(path, pattern, named.sign_ins, problems));
    let responder = match serve::build(path, &file, pattern.as_ref(), named.has, problems) {
        Some(serve::Served::Itself(responder)) => Some(responder),
        Some(serve::Served::By(name)) => {
            let upstream = named.names.upstream(&format!("{path}.upstream"), &name, problems);
            upstream.map(|place| Responder::Upstream(UpstreamId(place)))
        }
        None => None,
    };
    let hosts = hosting::hosts(path, file.host, problems);
    let (strip, to) = (file.strip_prefix.as_deref(), file.rewrite.as_deref());
    let rewrite = hosting::rewrite(path, strip, to, pattern.as_ref(), problems);
    let limit = file.rate_limit.as_deref();
    let rate_limit = limit.and_then(|name| named.names.rate_limit(&format!("{path}.rate_limit"), name, problems));
    let methods = file.methods.map(|methods| read_methods(&format!("{path}.methods"), &methods, problems));
    let methods = methods.or_else(|| file.serve.and_then(serve::methods));
    let body_bytes = body_bytes(&format!("{path}.body_bytes"), file.body_bytes, problems);
    let token_from = token_from::build(path, file.token_from.as_ref(), named.claim_fields, problems);
    let token_field = if let TokenPlace::Header(name) = &token_from { name.as_str() } else { "Authorization" };
    let of_route = cors::OfRoute { methods: methods.as_deref(), token: token_field, has_nonces: named.has_nonces };
    let cors = file.cors.as_ref().map(|cors| cors::build(path, cors, of_route, problems));
    let mut edits = |field: &str, file: Option<&file::FieldEdits>, message| {
        let path = format!("{path}.{field}");
        file.map(|file| Box::new(field_edits::build(&path, file, message, named.claim_fields, problems)))
    };
    let request_fields = edits("request_headers", file.request_headers.as_ref(), Message::Request { forwards_token });
    let response_fields = edits("response_headers", file.response_headers.as_ref(), Message::Response);
    Some(Route {
        hosts,
        methods,
        request_fields,
        response_fields,
        close_at_expiry: file.at_expiry == file::AtExpiry::Close,
        cors: cors.map(Box::new),
        token_from,
        sessions,
        consent: consent.map(Box::new),
        responder: responder?,
        dialect: file.dialect.map(dialect),
        body_bytes,
        rate_limit: rate_limit.map(RateLimitId),
        forward_authorization: forwards_token,
        forward_encoded: file.encoded == file::Encoded::Forward,
        rewrite,
        customer_at,
        ..Route::new(pattern?, Rule { context, ..rule })
    })
}

/// A parameter is one segment, and servers don't agree about the segments of such paths.
fn check_encoded(path: &str, file: &file::Route, pattern: Option<&Pattern>, problems: &mut Problems<'_>) {
    if file.encoded == file::Encoded::Forward && pattern.is_some_and(Pattern::has_parameters) {
        let message = "the route's paths have parameters, and servers read the segments of such paths differently";
        problems.add(&format!("{path}.encoded"), message, "remove `encoded: forward`, or the parameters");
    }
}

/// What callers have to meet.
fn rule(
    path: &str,
    file: &file::Route,
    names: &Names,
    vendors: &Arc<BTreeSet<String>>,
    problems: &mut Problems<'_>,
) -> Rule {
    let max_age = optional_duration(&format!("{path}.max_age"), file.max_age.as_deref(), problems);
    let requirement = match file.require {
        file::Require::Public => Requirement::Public,
        file::Require::Authenticated => Requirement::Authenticated,
        file::Require::Mfa => Requirement::Mfa { max_age },
    };
    let (tenants, needed) = (file.tenants.as_ref(), file.roles.as_ref());
    Rule {
        app_only: match file.app_only {
            file::AppOnly::Deny => AppOnlyRule::Deny,
            file::AppOnly::Allow if file.acts_for_partner => AppOnlyRule::AllowExcept(Arc::clone(vendors)),
            file::AppOnly::Allow => AppOnlyRule::Allow,
        },
        sender: sender::constraint(file.sender_constrained),
        tenants: tenants.map(|tenants| tenant_ids(&format!("{path}.tenants"), tenants, problems)),
        roles: needed.map(|needed| roles::of_route(&format!("{path}.roles"), needed, &names.roles, problems)),
        activation: activation(path, file.mode, file.percentage, file.enforce_from.as_deref(), problems),
        ..requirement.into()
    }
}

/// A public route looks at no token, so what is asked of a token there would be a false promise.
fn check_public(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let public = file.require == file::Require::Public;
    let asked = [
        ("token_from", public && file.token_from.is_some()),
        ("at_expiry", public && file.at_expiry == file::AtExpiry::Close),
        ("app_only", public && file.app_only == file::AppOnly::Deny),
        ("acts_for_partner", public && file.acts_for_partner),
        ("sender_constrained", public && file.sender_constrained != file::SenderConstrained::Any),
        ("tenants", public && file.tenants.is_some()),
        ("roles", public && file.roles.is_some()),
        ("context", public && file.context.is_some()),
        ("max_age", file.require != file::Require::Mfa && file.max_age.is_some()),
        ("percentage", file.require != file::Require::Mfa && file.percentage.is_some()),
        ("enforce_from", file.require != file::Require::Mfa && file.enforce_from.is_some()),
        ("mode", file.require != file::Require::Mfa && file.mode != file::Mode::Enforce),
    ];
    for (field, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        let field = format!("{path}.{field}");
        problems.add(&field, "this has no effect with the route's `require`", "remove it, or set `require: mfa`");
    }
}
