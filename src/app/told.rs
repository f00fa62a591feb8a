//! What the log says of a start and of reloads: what runs, where it listens, with which configuration, and when it is
//! ready.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::passed::PassedSockets;
use crate::admin::{Phase, Readiness, State};
use crate::config::{Config, ConfigError, Problem};
use crate::server::Address;
use crate::telemetry::{COMMIT, VERSION};

/// How often a gateway that waits for keys looks whether it is ready, to say so.
const LOOK: Duration = Duration::from_millis(100);

/// How many problems of a configuration are logged; `check` shows all.
const MOST_PROBLEMS: usize = 20;

/// Says what starts.
pub(crate) fn starting(file: &Path, threads: usize) {
    tracing::info!(version = VERSION, commit = COMMIT, file = %file.display(), threads, "mfa-gateway starts");
}

/// Says where the gateway listens.
pub(super) fn listening(address: &Address, what: &str, tls: bool, proxy_protocol: bool) {
    tracing::info!(%address, tls, proxy_protocol, "listening for {what}");
}

/// Says which passed sockets nobody uses.
pub(super) fn unused(passed: &PassedSockets) {
    for name in passed.left() {
        tracing::warn!(name, "a passed socket is not used: no listener has the address systemd:NAME with its name");
    }
}

/// Says which configuration is in use, and how much is in it.
pub(super) fn in_use(state: &State, message: &str) {
    let config = &state.config;
    let count = |section: &str| config.document.get(section).and_then(|list| list.as_array()).map_or(0, Vec::len);
    tracing::info!(
        generation = state.generation,
        hash = state.hash(),
        listeners = count("listeners"),
        routes = count("routes"),
        issuers = count("issuers"),
        upstreams = count("upstreams"),
        exceptions = count("exceptions"),
        "{message}"
    );
}

/// Says what in a new configuration keeps the old one in use: one line for each problem.
pub(super) fn not_reloaded(file: &Path, error: &anyhow::Error) {
    const MESSAGE: &str = "the reload failed; the old configuration stays in use";
    let Some(invalid) = error.downcast_ref::<ConfigError>() else {
        tracing::error!(file = %file.display(), error = format!("{error:#}"), "{MESSAGE}");
        return;
    };
    let problems = invalid.problems();
    for problem in problems.iter().take(MOST_PROBLEMS) {
        let Problem { field, message: problem_of, fix, .. } = problem;
        let place = invalid.place_of(problem);
        tracing::error!(place, field, problem = problem_of, fix, "the new configuration has a problem");
    }
    tracing::error!(file = %file.display(), problems = problems.len(), "{MESSAGE}");
}

/// Says what a valid configuration's warnings are.
pub(crate) fn warnings(config: &Config) {
    for warning in &config.warnings {
        let Problem { field, message, fix, .. } = warning.problem();
        let place = warning.place();
        tracing::warn!(place, field, warning = message, fix, "the configuration has a warning");
    }
}

/// Waits until the gateway is ready for the first time, and says so.
pub(super) async fn when_ready(readiness: Arc<Readiness>) {
    let start = Instant::now();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        match readiness.phase() {
            Phase::WaitingForKeys => {}
            Phase::Draining => return,
            Phase::Ready => {
                let milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(milliseconds, "ready");
                return;
            }
        }
    }
}
