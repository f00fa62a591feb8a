//! From the mirrored file to the valid configuration: whatever is wrong is added to the problems, and reading goes on.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::problem::Problems;
use super::{
    Address, Config, Expected, Issuer, Limits, Listener, Log, LogDecisions, Refusals, Timeouts, address, admin, file,
    issuer, keys, rate_limit, route, tls, traces, upstream, waivers,
};
use crate::telemetry::{LogFormat, Output};
use mfa_gateway_core::policy::{Dialect, Requirement, Waivers};
use mfa_gateway_core::token::is_guid;

/// Builds the configuration, if there is no problem.
pub(super) fn build(file: file::File, problems: &mut Problems<'_>) -> Option<Config> {
    let trusted_proxies = networks(&file.trusted_proxies, problems);
    let listeners = listeners(&file.listeners, file.trusted_proxies.is_empty(), problems);
    let admin = file.admin.as_ref().and_then(|admin| admin::build(admin, &file.issuers, problems));
    let has_it = |admin: &Address| listeners.iter().any(|listener| listener.address.excludes(admin));
    if admin.as_ref().is_some_and(|admin| has_it(&admin.address)) {
        problems.add("admin.address", "a listener has this address", "give it another port, such as 9090");
    }
    let mut keys = Vec::new();
    let issuer_names: Vec<String> = file.issuers.iter().map(|issuer| issuer.name.clone()).collect();
    let issuers = issuer::build(file.issuers, &mut keys, problems);
    let limits = limits(&file.limits, problems);
    keys::complete(&mut keys, file.state.as_ref(), limits.requests, problems);
    let upstream_names: Vec<String> = file.upstreams.iter().map(|upstream| upstream.name.clone()).collect();
    let upstreams = upstream::build(file.upstreams, problems);
    let vendors = file.applications.control_panel_vendors.iter().map(|id| id.to_ascii_lowercase()).collect();
    let rate_limit_names: Vec<String> = file.rate_limits.iter().map(|limit| limit.name.clone()).collect();
    let rate_limits = rate_limit::build(file.rate_limits, problems);
    let named = route::Named { upstreams: &upstream_names, rate_limits: &rate_limit_names };
    let routes = route::build(file.routes, named, &Arc::new(vendors), problems);
    if issuer_names.is_empty() && routes.iter().any(|route| route.rule.requirement != Requirement::Public) {
        let message = "there is no issuer, but routes that need a token";
        problems.add("", message, "add `issuers`, or make every route `require: public`");
    }
    let waivers = Waivers {
        exceptions: waivers::exceptions(file.exceptions, &issuer_names, &routes, problems),
        stages: waivers::stages(file.activation, &issuer_names, problems),
    };
    let refusals = refusals(file.refusals, &issuers, problems);
    let config = Config {
        listeners,
        admin,
        threads: threads(file.threads, problems),
        trusted_proxies,
        issuers,
        keys,
        upstreams,
        rate_limits,
        routes,
        waivers,
        limits,
        timeouts: timeouts(&file.timeouts, problems),
        token_cache_bytes: file.token_cache.max_bytes.unwrap_or(256 << 20),
        refusals,
        log: log(&file.log, problems),
        traces: file.telemetry.traces.as_ref().and_then(|file| traces::build(file, problems)),
        document: serde_json::Value::Null,
        warnings: Vec::new(),
    };
    problems.is_empty().then_some(config)
}

fn listeners(files: &[file::Listener], trusts_nobody: bool, problems: &mut Problems<'_>) -> Vec<Listener> {
    if files.is_empty() {
        problems.add("listeners", "there is no listener", "add one: `[{ address: 0.0.0.0:8080 }]`");
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let path = format!("listeners[{at}].address");
        let Some(address) = address::build(&path, &file.address, problems) else { continue };
        if listeners.iter().any(|other| other.address.excludes(&address)) {
            problems.add(&path, "another listener has this address", "remove one of them, or give it another port");
        }
        let tls = file.tls.as_ref().and_then(|tls| tls::build(&format!("listeners[{at}].tls"), tls, problems));
        let proxy_protocol = file.proxy_protocol == file::ProxyProtocol::Required;
        if proxy_protocol && trusts_nobody {
            let message = "there are no trusted proxies, so that nobody could connect";
            let fix = "list the balancers that speak it: `trusted_proxies: [10.0.0.0/8]`";
            problems.add(&format!("listeners[{at}].proxy_protocol"), message, fix);
        }
        listeners.push(Listener { address, tls, proxy_protocol });
    }
    listeners
}

fn threads(wanted: Option<u16>, problems: &mut Problems<'_>) -> Option<usize> {
    if wanted.is_some_and(|threads| !(1..=1024).contains(&threads)) {
        let fix = "write a number from 1 to 1024; without the field there is one for each core";
        problems.add("threads", "so many threads can't serve requests", fix);
    }
    wanted.map(usize::from)
}

fn networks(files: &[String], problems: &mut Problems<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (at, text) in files.iter().enumerate() {
        if let Ok(network) = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            networks.push(network);
        } else {
            let message = format!("`{text}` is not a network");
            problems.add(&format!("trusted_proxies[{at}]"), message, "write it as CIDR: `10.0.0.0/8` or `fd00::/8`");
        }
    }
    networks
}

/// A bound on bodies. 0 has two meanings in other programs, so it has none here.
pub(super) fn body_bytes(path: &str, most: Option<u64>, problems: &mut Problems<'_>) -> Option<u64> {
    if most == Some(0) {
        problems.add(
            path,
            "0 could mean no body or no limit",
            "write a number from 1 on; without the field there is no limit",
        );
    }
    most
}

fn limits(file: &file::Limits, problems: &mut Problems<'_>) -> Limits {
    let body_bytes = body_bytes("limits.body_bytes", file.body_bytes, problems);
    let mut within = |field: &str, value: Option<usize>, default: usize, low: usize, high: usize| {
        let value = value.unwrap_or(default);
        if !(low..=high).contains(&value) {
            let message = format!("{value} is out of range");
            problems.add(&format!("limits.{field}"), message, format!("write a number from {low} to {high}"));
        }
        value
    };
    let size = |value: Option<u32>| value.map(|value| value as usize);
    let limits = Limits {
        header_bytes: within("header_bytes", size(file.header_bytes), 32 << 10, 8 << 10, 1 << 20),
        headers: within("headers", file.headers.map(usize::from), 100, 10, 1000),
        url_bytes: within("url_bytes", file.url_bytes.map(usize::from), 8 << 10, 256, 60_000),
        token_bytes: within("token_bytes", size(file.token_bytes), 16 << 10, 1 << 10, 1 << 20),
        body_bytes,
        connections: within("connections", size(file.connections), 10_000, 1, 10_000_000),
        connections_per_address: Some(size(file.connections_per_address).unwrap_or(1000)).filter(|most| *most > 0),
        requests: within("requests", size(file.requests), 10_000, 1, 10_000_000),
        streams: u32::from(file.streams.unwrap_or(100).max(1)),
        pending_resets: within("http2.pending_resets", file.http2.pending_resets.map(usize::from), 20, 1, 10_000),
        stream_errors: within("http2.stream_errors", file.http2.stream_errors.map(usize::from), 1024, 1, 65_535),
    };
    if file.token_bytes.is_some() && limits.token_bytes > limits.header_bytes {
        let message = format!("such a token doesn't fit into a head of {} bytes", limits.header_bytes);
        problems.add("limits.token_bytes", message, "lower it, or raise `limits.header_bytes`");
    }
    limits
}

fn timeouts(file: &file::Timeouts, problems: &mut Problems<'_>) -> Timeouts {
    let age = file.connection_age.as_deref();
    let connection_age = optional_duration("timeouts.connection_age", age, problems);
    let mut time = |field: &str, value: Option<&String>, default| {
        duration(&format!("timeouts.{field}"), value.map(String::as_str), Duration::from_secs(default), problems)
    };
    Timeouts {
        connection_age,
        header: time("header", file.header.as_ref(), 10),
        idle: time("idle", file.idle.as_ref(), 75),
        body: time("body", file.body.as_ref(), 60),
        drain: time("drain", file.drain.as_ref(), 30),
        drain_delay: time("drain_delay", file.drain_delay.as_ref(), 0),
    }
}

fn refusals(file: file::Refusals, issuers: &[Issuer], problems: &mut Problems<'_>) -> Refusals {
    let request_context = file.request_context.and_then(|text| {
        let value = http::HeaderValue::from_str(&text).ok();
        if value.is_none() {
            let message = "this can't be sent in a header";
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
        request_context,
        documentation: file.documentation,
        source,
        report_header: file.report_header.unwrap_or(true),
        expected: (file.expected == file::Told::All).then(|| Expected {
            issuers: issuers.iter().map(|issuer| issuer.rules.issuer.pattern()).collect(),
            audiences: issuers.iter().flat_map(|issuer| issuer.rules.audiences.iter().cloned()).collect(),
        }),
    }
}

fn log(file: &file::Log, problems: &mut Problems<'_>) -> Log {
    let filter = file.level.clone().unwrap_or_else(|| "info".to_owned());
    // A lone word that is no level would be taken for a target, and silence everything.
    let lone = |part: &str| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err();
    if filter.split(',').any(lone) || EnvFilter::builder().parse(&filter).is_err() {
        problems.add("log.level", "this is not a level or filter", "write `error`, `warn`, `info`, `debug` or `trace`");
    }
    Log {
        format: match file.format {
            file::LogFormat::Text => LogFormat::Text,
            file::LogFormat::Json => LogFormat::Json,
        },
        filter,
        decisions: match file.decisions {
            file::LogDecisions::All => LogDecisions::All,
            file::LogDecisions::Denied => LogDecisions::Denied,
            file::LogDecisions::None => LogDecisions::None,
        },
        decision_output: output("log.decision_output", file.decision_output.as_deref(), problems),
        access_output: output("log.access_output", file.access_output.as_deref(), problems),
    }
}

fn output(path: &str, text: Option<&str>, problems: &mut Problems<'_>) -> Option<Output> {
    Some(match text? {
        "stdout" => Output::Stdout,
        "stderr" => Output::Stderr,
        file => {
            let path_of_file = Path::new(file);
            if !path_of_file.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
                let message = format!("there is no directory for the file `{file}`");
                problems.add(path, message, "write `stdout`, `stderr` or a file's path, and make its directory");
            }
            Output::File(path_of_file.to_owned())
        }
    })
}

/// A name goes into logs and metrics.
pub(super) fn name(path: &str, name: &str, problems: &mut Problems<'_>) {
    let usable = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(usable) {
        let message = "a name has 1 to 64 letters, digits, dots, dashes or underscores";
        problems.add(&format!("{path}.name"), message, "choose a short name, such as `partner-api`");
    }
}

/// Whether an earlier one is the same.
pub(super) fn duplicate(names: &[String], at: usize) -> bool {
    names[..at].contains(&names[at])
}

/// Fields for which no time at all has a meaning.
const MAY_BE_ZERO: [&str; 4] = [".clock_skew", ".keep_alive", ".drain", ".drain_delay"];

/// A duration, or the default.
pub(super) fn duration(path: &str, text: Option<&str>, default: Duration, problems: &mut Problems<'_>) -> Duration {
    optional_duration(path, text, problems).unwrap_or(default)
}

pub(super) fn optional_duration(path: &str, text: Option<&str>, problems: &mut Problems<'_>) -> Option<Duration> {
    let duration = humantime::parse_duration(text?).ok();
    if duration == Some(Duration::ZERO) && !MAY_BE_ZERO.iter().any(|field| path.ends_with(field)) {
        problems.add(path, "no time at all can't be meant", "remove the field for the default, or write a longer time");
    }
    if duration.is_none() {
        problems.add(
            path,
            "this is not a duration",
            "write a number with its unit: `250ms`, `30s`, `5m`, `1h`, `2days`",
        );
    }
    duration
}

/// Tenant ids, in lower case.
pub(super) fn tenant_ids(path: &str, list: &[String], problems: &mut Problems<'_>) -> BTreeSet<String> {
    if list.is_empty() {
        problems.add(path, "no tenant is listed, so no token would be accepted", "list the tenants' ids");
    }
    for (at, tenant) in list.iter().enumerate() {
        if !is_guid(tenant) {
            let message = format!("`{tenant}` is not a tenant id");
            let fix = "write the directory (tenant) id, a GUID such as df845f1a-7b35-40a2-ba78-6481de91f8ae";
            problems.add(&format!("{path}[{at}]"), message, fix);
        }
    }
    list.iter().map(|tenant| tenant.to_ascii_lowercase()).collect()
}

pub(super) fn dialect(file: file::Dialect) -> Dialect {
    match file {
        file::Dialect::PartnerCenter => Dialect::PartnerCenter,
        file::Dialect::Oauth => Dialect::Oauth,
    }
}
