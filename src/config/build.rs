//! From the mirrored file to the valid configuration. Every error is added to the problems, and reading continues.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderName;
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::limits::{Limits, Timeouts};
use super::problem::Problems;
use super::roles::Roles;
use super::{
    Config, Issuer, admin, assertion, authorizers, claims, consent_callers, consent_use, consents, delegations, dpop,
    exception_requests, file, introspection, issuer, keys, names, operators_sign_in, rate_limit, report, resource,
    route, security_events, sender, serve, server, sign_in, store, traces, upstream, vendors, waivers,
};
use crate::consent::{Callers, ConsentSettings};
use crate::events::EventSettings;
use crate::exceptions::{ExceptionSettings, Known};
use crate::gateway::{self, Expected, Refusals};
use crate::journal::{self, LogDecisions};
use crate::report::{AccountFile, ReportSettings};
use crate::routing::Route;
use crate::session::{SessionSettings, SignInSettings};
use crate::telemetry::{LogFormat, LogSettings, Output};
use mfa_gateway_core::policy::{Delegations, Requirement, Waivers};
use mfa_gateway_files::may_be_directory;
use mfa_gateway_keys::KeySettings;
use mfa_gateway_store::{SealingKeys, StoreSettings};

/// Builds the configuration, if there is no problem. `document` is the file as JSON.
pub(super) fn build(file: file::File, document: &Value, problems: &mut Problems<'_>) -> Option<Config> {
    let (known, secret_files, needs_upstream) = (names::Names::of(&file), secret_files(&file), needs_upstream(&file));
    let (limits, timeouts) = (Limits::read(&file.limits, problems), Timeouts::read(&file.timeouts, problems));
    let server = server::build(&file, &limits, &timeouts, problems);
    let admin = file.admin.as_ref().and_then(|admin| admin::build(admin, &file, &known, problems));
    let assertions = assertion::build(&file, problems);
    let authorizers = authorizers::build(&file, (&server.listeners, admin.as_ref()), assertions.as_ref(), problems);
    let (issuers, keys) = issuers(&file, document, (&known, &limits), problems);
    let places = sign_in::places(&file.sign_in, operators_sign_in::name(&file), problems);
    let file = authorizers::name_sign_ins(file, &places, problems);
    let built = sign_in::Built { file: &file, places: &places, issuers: &issuers, keys: &keys };
    let sign_ins = sign_in::build(built, problems);
    let consents = consents::build(&file, &issuers, &keys, problems);
    let consent_callers = consent_callers::build(&file, &known, &issuers, problems);
    let Stored { store, consent_keys, sessions, events, exception_requests, report, account_files } =
        stored(&file, (&known, &issuers), &sign_ins, problems);
    let claim_fields = claims::fields(issuers.iter().flat_map(|issuer| &issuer.profile.told));
    let mut routes = routes(&file, (&known, &places, &claim_fields), (report.is_some(), events.as_ref()), problems);
    let delegations = delegations::build(&file.partners, file.delegations, &known.roles, problems);
    check_callers(&routes, &issuers, (&delegations, &consents, &consent_callers), problems);
    let senders = sender::build(&file.dpop, &routes, &server, problems);
    let resources = resource::build(&file.resource_metadata, &mut routes, (&issuers, &senders, &server), problems);
    let config = Config {
        resources,
        exception_requests: exception_requests.map(|settings| settings.knowing(matchable(&known, &routes))),
        senders,
        dpop_nonces: dpop::nonces(&file.dpop, shared_keys(&sign_ins, consent_keys.as_ref()), problems),
        gateway: gateway::Settings { assertions, ..gateway(&server, &limits, &timeouts, claim_fields) },
        authorizers,
        server,
        admin,
        sign_ins,
        sign_in_files: secret_files,
        vendors: vendors::build(&file.vendors, (&file.consents, &consents), &file.applications, problems),
        consents,
        consent_callers: Arc::new(consent_callers),
        consent_keys,
        sessions,
        introspection: introspection::build((&file.issuers, &file.sign_in), &issuers, &keys, problems),
        events,
        report,
        account_files,
        store,
        upstreams: upstream::build(file.upstreams, needs_upstream, problems),
        rate_limits: rate_limit::build(file.rate_limits, problems),
        waivers: waivers(file.exceptions, file.activation, (&known, &routes), problems),
        routes,
        delegations: Arc::new(delegations),
        token_bytes: limits.token_bytes,
        token_cache_bytes: file.token_cache.max_bytes.unwrap_or(256 << 20),
        refusals: refusals(file.refusals, &issuers, problems),
        issuers,
        keys,
        log: log(&file.log, problems),
        journal: journal(&file.log, problems),
        traces: file.telemetry.traces.as_ref().and_then(|file| traces::build(file, problems)),
        drain: timeouts.drain,
        document: Value::Null,
        warnings: Vec::new(),
    };
    problems.is_empty().then_some(config)
}

fn routes(
    file: &file::File,
    (names, sign_ins, claim_fields): (&names::Names, &[sign_in::Place], &[HeaderName]),
    (has_report, events): (bool, Option<&EventSettings>),
    problems: &mut Problems<'_>,
) -> Vec<Route> {
    let vendors = file.applications.control_panel_vendors.iter().map(|id| id.to_ascii_lowercase()).collect();
    let has = serve::Has { report: has_report, events: events.is_some() };
    let known = route::Named { names, sign_ins, claim_fields, has, has_nonces: file.dpop.nonce.is_some() };
    let routes = route::build(file.routes.clone(), known, &Arc::new(vendors), problems);
    check_issuers((file.issuers.is_empty(), events), &routes, problems);
    routes
}

/// The issuers, and where their keys come from.
fn issuers(
    file: &file::File,
    document: &Value,
    (known, limits): (&names::Names, &Limits),
    problems: &mut Problems<'_>,
) -> (Vec<Issuer>, Vec<KeySettings>) {
    let roles = Roles::build(file.roles.clone(), &known.issuers, problems);
    let mut keys = keys::Sources::default();
    let mut issuers = issuer::build(sign_in::written(file, document), &roles, &mut keys, problems);
    security_events::note(file, &mut issuers);
    let mut keys = keys.into_list();
    keys::complete(&mut keys, file.state.as_ref(), limits.requests, problems);
    (issuers, keys)
}

/// Whether a route has an upstream.
fn needs_upstream(file: &file::File) -> bool {
    file.routes.iter().any(|route| route.serve.is_none())
}

/// The files of keys and secrets, but for those of TLS.
fn secret_files(file: &file::File) -> Vec<PathBuf> {
    let consents = consents::files(&file.consents, file.consent_keys.as_deref());
    let events = security_events::files(file.security_events.as_ref());
    let (assertion, asking) = (assertion::key_files(file.assertion.as_ref()), introspection::files(&file.issuers));
    [sign_in::files(&file.sign_in), consents, events, assertion, asking, dpop::files(&file.dpop)].concat()
}

/// Keys that all replicas have, where they share sessions or consents.
fn shared_keys<'k>(sign_ins: &'k [SignInSettings], consents: Option<&'k SealingKeys>) -> Option<&'k SealingKeys> {
    sign_ins.iter().find_map(|sign_in| sign_in.keys.as_ref()).or(consents)
}

/// What is kept in the store, and the settings of those who keep it there.
struct Stored {
    store: Option<StoreSettings>,
    consent_keys: Option<SealingKeys>,
    sessions: Option<SessionSettings>,
    events: Option<EventSettings>,
    exception_requests: Option<ExceptionSettings>,
    report: Option<ReportSettings>,
    account_files: Vec<AccountFile>,
}

fn stored(
    file: &file::File,
    (known, issuers): (&names::Names, &[Issuer]),
    sign_ins: &[SignInSettings],
    problems: &mut Problems<'_>,
) -> Stored {
    let store = store::build(file, problems);
    let outage = store::outage(file, problems);
    Stored {
        consent_keys: consents::sealing_keys(file, store.as_ref(), problems),
        sessions: store::sessions(file, store.as_ref(), (sign_ins, outage), problems),
        events: security_events::build(file, issuers, outage, problems),
        exception_requests: exception_requests::build(file, outage, problems),
        report: report::build(file, store.as_ref(), problems),
        account_files: report::accounts(file, &known.issuers, problems),
        store,
    }
}

/// What exceptions that people ask for can match.
fn matchable(known: &names::Names, routes: &[Route]) -> Known {
    let pattern = |route: &Route| route.pattern.as_written().to_owned();
    Known { issuers: known.issuers.iter().map(str::to_owned).collect(), routes: routes.iter().map(pattern).collect() }
}

fn waivers(
    exceptions: Vec<file::Exception>,
    activation: Vec<file::Stage>,
    (known, routes): (&names::Names, &[Route]),
    problems: &mut Problems<'_>,
) -> Waivers {
    Waivers {
        exceptions: waivers::exceptions(exceptions, &known.issuers, routes, problems),
        stages: waivers::stages(activation, &known.issuers, problems),
        ..Waivers::default()
    }
}

/// What requests may be, and whom the gateway believes.
fn gateway(
    server: &crate::server::Settings,
    limits: &Limits,
    timeouts: &Timeouts,
    claim_fields: Vec<HeaderName>,
) -> gateway::Settings {
    gateway::Settings {
        trusted_proxies: server.trusted_proxies.clone(),
        url_bytes: limits.url_bytes,
        headers: limits.headers,
        body_bytes: limits.body_bytes,
        body_timeout: timeouts.body,
        requests: limits.requests,
        claim_fields,
        assertions: None,
    }
}

/// Checks that routes have issuers whose tokens they read, and events a route that takes them.
fn check_issuers((none, events): (bool, Option<&EventSettings>), routes: &[Route], problems: &mut Problems<'_>) {
    let needs_token = |route: &Route| route.rule.requirement != Requirement::Public && route.sessions.is_none();
    if none && routes.iter().any(needs_token) {
        let message = "a route needs a token, but there is no issuer";
        problems.add("", message, "add `issuers`, or make every route `require: public`");
    }
    security_events::check(events, routes, problems);
}

/// Checks that somebody can meet what routes ask for beyond a token.
fn check_callers(
    routes: &[Route],
    issuers: &[Issuer],
    (delegations, consents, callers): (&Delegations, &[ConsentSettings], &Callers),
    problems: &mut Problems<'_>,
) {
    delegations::check(routes, issuers, delegations, problems);
    consent_use::check(routes, consents, callers, problems);
}

fn refusals(file: file::Refusals, issuers: &[Issuer], problems: &mut Problems<'_>) -> Refusals {
    let request_context = file.request_context.and_then(|text| {
        let value = http::HeaderValue::from_str(&text).ok();
        if value.is_none() {
            let message = "this can't be sent in a header field";
            problems.add("refusals.request_context", message, "write visible ASCII: `appId=cid-v1:<guid>`");
        }
        value
    });
    if let Some(base) = &file.documentation
        && url::Url::parse(base).is_err()
    {
        problems.add("refusals.documentation", "this is not a URL", "write `https://docs.example.com/refusals`");
    }
    let source = file.source.unwrap_or_else(|| "gateway".to_owned());
    Refusals {
        // The settings of senders have them.
        dpop_algorithms: String::new(),
        // Routes have it.
        resource_metadata: None,
        request_context,
        documentation: file.documentation,
        source,
        report_header: file.report_header.unwrap_or(true),
        expected: (file.expected == file::Told::All).then(|| Expected {
            issuers: accepted(issuers).map(|issuer| issuer.rules.issuer.pattern()).collect(),
            audiences: issuers.iter().flat_map(|issuer| issuer.rules.audiences.iter().cloned()).collect(),
        }),
    }
}

/// The issuers whose access tokens are accepted: not those where people only sign in.
fn accepted(issuers: &[Issuer]) -> impl Iterator<Item = &Issuer> {
    issuers.iter().filter(|issuer| !issuer.rules.audiences.is_empty() || !issuer.rules.client_ids.is_empty())
}

fn log(file: &file::Log, problems: &mut Problems<'_>) -> LogSettings {
    let filter = file.level.clone().unwrap_or_else(|| "info".to_owned());
    // A lone word that is no level would be taken for a target, and silence everything.
    let lone = |part: &str| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err();
    if filter.split(',').any(lone) || EnvFilter::builder().parse(&filter).is_err() {
        problems.add("log.level", "this is not a level or filter", "write `error`, `warn`, `info`, `debug` or `trace`");
    }
    let format = match file.format {
        file::LogFormat::Text => LogFormat::Text,
        file::LogFormat::Json => LogFormat::Json,
    };
    LogSettings { format, filter }
}

fn journal(file: &file::Log, problems: &mut Problems<'_>) -> journal::Settings {
    journal::Settings {
        which: match file.decisions {
            file::LogDecisions::All => LogDecisions::All,
            file::LogDecisions::Denied => LogDecisions::Denied,
            file::LogDecisions::None => LogDecisions::None,
        },
        decisions: output("log.decision_output", file.decision_output.as_deref(), problems),
        accesses: output("log.access_output", file.access_output.as_deref(), problems),
        tokens: output("log.token_output", file.token_output.as_deref(), problems),
    }
}

fn output(path: &str, text: Option<&str>, problems: &mut Problems<'_>) -> Option<Output> {
    Some(match text? {
        "stdout" => Output::Stdout,
        "stderr" => Output::Stderr,
        file => {
            let path_of_file = Path::new(file);
            if !path_of_file.parent().is_some_and(|folder| folder.as_os_str().is_empty() || may_be_directory(folder)) {
                let message = format!("the directory of the file `{file}` doesn't exist");
                problems.add(path, message, "create the directory, or write `stdout`, `stderr` or another file's path");
            }
            Output::File(path_of_file.to_owned())
        }
    })
}
