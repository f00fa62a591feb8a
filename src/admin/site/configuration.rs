//! The page of the configuration in use, and its reload.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::form::Form;
use super::frame::{Frame, Tab, see_other};
use super::who::Who;
use crate::admin::configuration::shown;
use crate::admin::context::Admin;
use crate::config::Config;
use crate::pages::{Moment, short};
use crate::routing::Route;
use crate::telemetry::{COMMIT, VERSION};
use mfa_gateway_core::policy::{AppOnlyRule, Mode, Requirement};

const PATH: &str = "/site/configuration";

/// How much of the file is shown.
const MOST: usize = 512 << 10;

#[derive(Serialize)]
struct Configuration {
    generation: u64,
    loaded: Moment,
    hash: String,
    version: &'static str,
    commit: &'static str,
    needs_restart: Vec<&'static str>,
    warnings: Vec<String>,
    routes: Vec<Row>,
    document: String,
    problems: Option<String>,
}

#[derive(Serialize)]
struct Row {
    pattern: String,
    methods: String,
    hosts: String,
    require: String,
    roles: String,
    mode: String,
    kind: &'static str,
    credential: &'static str,
    app_only: &'static str,
    upstream: String,
}

/// Shows it.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    let done = (uri.query() == Some("reloaded")).then(|| "The configuration was reloaded.".to_owned());
    respond(&admin, &who, done, None)
}

/// Has the file read again.
pub(super) async fn reload(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    match admin.reloads.ask().await {
        Some(Ok(())) => see_other(&format!("{PATH}?reloaded")),
        Some(Err(error)) => respond(&admin, &form.who, None, Some(format!("{error:#}"))),
        None => {
            let frame = Frame::new(&admin, &form.who, Tab::Configuration);
            let (description, remedy) = ("The gateway was not started from a file.", "Start it with `serve --config`.");
            frame.message(StatusCode::CONFLICT, description, remedy, PATH)
        }
    }
}

fn respond(admin: &Admin, who: &Who, done: Option<String>, problems: Option<String>) -> Response {
    let state = admin.state.load();
    let status = if problems.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut document = serde_json::to_string_pretty(&shown(&state.config)).unwrap_or_default();
    if let Some((end, _)) = document.char_indices().nth(MOST) {
        document.truncate(end);
        document.push_str("\n… (the rest: GET /config)");
    }
    let page = Configuration {
        generation: state.generation,
        loaded: Moment::of(state.loaded),
        hash: state.hash(),
        version: VERSION,
        commit: COMMIT,
        needs_restart: state.needs_restart.clone(),
        warnings: state.config.warnings.iter().map(ToString::to_string).collect(),
        routes: state.config.routes.iter().map(|route| row(route, &state.config)).collect(),
        document,
        problems,
    };
    let frame = Frame::new(admin, who, Tab::Configuration).done(done);
    frame.respond(status, "Configuration", "configuration.html", page)
}

fn row(route: &Route, config: &Config) -> Row {
    let joined = |values: Vec<String>| short(&values.join(", ")).into_owned();
    let rule = &route.rule;
    let require = match rule.requirement {
        Requirement::Mfa { max_age: Some(age) } => format!("mfa, at most {} old", humantime::format_duration(age)),
        requirement => requirement.name().to_owned(),
    };
    let (mode, kind) = match (rule.requirement, rule.activation.mode) {
        (Requirement::Mfa { .. }, Mode::Enforce) => ("enforce", "good"),
        (Requirement::Mfa { .. }, mode) => (mode.name(), "warn"),
        _ => ("", ""),
    };
    Row {
        pattern: short(route.pattern.as_written()).into_owned(),
        methods: joined(route.methods.iter().flatten().map(ToString::to_string).collect()),
        hosts: joined(route.hosts.iter().map(ToString::to_string).collect()),
        require,
        roles: joined(rule.roles.iter().flatten().cloned().collect()),
        mode: mode.to_owned(),
        kind,
        credential: route.credential(),
        app_only: match rule.app_only {
            AppOnlyRule::Allow => "allow",
            AppOnlyRule::AllowExcept(_) => "allow, except vendors",
            AppOnlyRule::Deny => "deny",
        },
        upstream: match route.upstream() {
            Some(place) => config.upstreams.get(place.0).map(|one| one.name.clone()).unwrap_or_default(),
            None => "the gateway: status report".to_owned(),
        },
    }
}
