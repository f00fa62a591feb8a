//! Change without interruption: a new configuration is validated whole, then swapped in.
//!
//! Requests under way finish with the configuration they began with; connections stay. Sources of keys and upstreams
//! whose settings are the same are kept with what they hold. Changes that need a restart are reported.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::listeners::tls;
use super::{App, Assembled, Before, admin_state, assemble, certificates, notify, told};
use crate::admin::{Reloaded, State};
use crate::config::Config;
use crate::server::{Address, ServerTls, Tls};
use crate::upstream::{self, EndpointLabels};

/// How often files are looked at. A mounted volume swaps a link, which notifications of single files miss.
const POLL: Duration = Duration::from_secs(5);

/// How often certificates that soon expire are warned of.
const DAY: Duration = Duration::from_secs(86_400);

impl App {
    /// Takes another configuration into use.
    ///
    /// # Errors
    ///
    /// If it can't be set up. Then nothing has changed.
    pub fn reload(&self, config: Config) -> anyhow::Result<()> {
        let loaded = config.server.listeners.iter().map(|listener| tls(&listener.address, listener.tls.as_ref()));
        let loaded: Vec<_> = loaded.collect::<Result<_, _>>()?;
        let settings = config.admin.as_ref();
        let admin_certificates = settings.map(|admin| tls(&admin.address, admin.tls.as_ref())).transpose()?.flatten();
        let (sources, old) = (self.sources.list().load_full(), self.live.load_full());
        let kept = Before {
            sources: &sources,
            upstreams: &old.upstreams,
            rate_limiters: &old.rate_limiters,
            tracer: old.tracer.as_ref(),
            generation: old.generation,
        };
        let Assembled { live, sources } = assemble(&config, &self.ambient, kept)?;
        let needs_restart = needs_restart(&self.started, &config);
        let config = Arc::new(config);
        let state = admin_state::state(&config, &sources, &self.ambient, live.generation);
        // From here on nothing can fail.
        for (listener, certificates) in config.server.listeners.iter().zip(loaded) {
            self.replace_certificates(&listener.address, certificates);
        }
        if self.admin_tls.load().is_some() && admin_certificates.is_some() {
            self.admin_tls.store(admin_certificates);
        }
        self.acceptor.change(&config.server);
        self.sources.replace(sources);
        self.live.store(Arc::new(live));
        // It takes a while for many tokens, and requests are served here.
        tokio::task::spawn_blocking(move || old.judge.authenticator.forget());
        self.forget_metrics(&config);
        if let Some(outputs) = &self.ambient.outputs {
            outputs.keep_only(&config.journal);
        }
        for what in &needs_restart {
            tracing::warn!(what, "this change takes effect only after a restart");
        }
        self.admin_state.store(Arc::new(State { needs_restart, ..state }));
        told::warnings(&config);
        certificates::tell(&config, &self.ambient);
        self.config.store(config);
        Ok(())
    }

    /// Removes the metrics of what the configuration doesn't name.
    fn forget_metrics(&self, config: &Config) {
        let named = |issuer: &str| config.keys.iter().any(|keys| keys.name == issuer);
        let endpoint = |one: &EndpointLabels| {
            let mut endpoints = config.upstreams.iter().flat_map(|upstream| {
                upstream.endpoints.iter().map(move |endpoint| upstream::labels(upstream, endpoint))
            });
            endpoints.any(|labels| labels == *one)
        };
        self.ambient.metrics.upstreams.keep_only(endpoint);
        self.ambient.metrics.keys.keep_only(named);
    }

    /// Gives the listener of an address other certificates. A listener keeps serving with or without TLS, as before.
    fn replace_certificates(&self, address: &Address, certificates: Option<Arc<ServerTls>>) {
        let place = self.started.server.listeners.iter().position(|listener| listener.address == *address);
        if let (Some(place), Some(certificates)) = (place.and_then(|at| self.tls.get(at)), certificates)
            && place.load().is_some()
        {
            place.store(Some(certificates));
        }
    }

    /// Reads the file again, and takes it into use if it is valid.
    fn reload_from(&self, path: &Path) -> Reloaded {
        let metrics = &self.ambient.metrics.reloads;
        notify::reloading();
        let reloaded = Config::load(path).map_err(anyhow::Error::from).and_then(|config| self.reload(config));
        match &reloaded {
            Ok(()) => {
                metrics.succeeded(self.ambient.clock.now());
                told::in_use(&self.admin_state.load(), "configuration reloaded");
            }
            Err(error) => {
                metrics.failed();
                told::not_reloaded(path, error);
            }
        }
        notify::ready();
        reloaded
    }
}

/// The settings that a running gateway keeps despite a new configuration.
fn needs_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    let addresses = |config: &Config| config.server.listeners.iter().map(|one| one.address.clone()).collect::<Vec<_>>();
    let plain = |config: &Config| config.server.listeners.iter().map(|one| one.tls.is_none()).collect::<Vec<_>>();
    let proxy_protocol =
        |config: &Config| config.server.listeners.iter().map(|one| one.proxy_protocol).collect::<Vec<_>>();
    let admin = |config: &Config| config.admin.as_ref().map(|admin| admin.address.clone());
    let plain_admin = |config: &Config| config.admin.as_ref().is_some_and(|admin| admin.tls.is_none());
    let changes = [
        ("listeners", addresses(before) != addresses(after) || plain(before) != plain(after)),
        ("listeners[].proxy_protocol", proxy_protocol(before) != proxy_protocol(after)),
        ("admin.address", admin(before) != admin(after)),
        ("admin.tls", plain_admin(before) != plain_admin(after)),
        ("threads", before.server.threads != after.server.threads),
        ("limits.connections", before.server.connections != after.server.connections),
        ("limits.requests", before.gateway.requests != after.gateway.requests),
        ("log.format and log.level", before.log != after.log),
    ];
    changes.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}

/// The files a configuration is made of, and what was in them.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    seen: u64,
}

impl Watched {
    /// Remembers what is in the files now.
    pub(crate) fn new(path: &Path, config: &Config) -> Self {
        Self { path: path.to_owned(), seen: digest(path, config) }
    }
}

/// Reloads on SIGHUP, on an operator's request and when a file changes, until the end.
///
/// # Errors
///
/// If the signal can't be handled.
pub(crate) async fn reload_on_change(app: &App, mut watched: Watched) -> std::io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut requests = app.reloads.serve();
    let mut day = tokio::time::interval_at(Instant::now() + DAY, DAY);
    loop {
        let mut operator = None;
        let asked = tokio::select! {
            _ = hang_up.recv() => true,
            Some(request) = requests.recv() => {
                operator = Some(request);
                true
            }
            _ = day.tick() => {
                certificates::tell(&app.config.load(), &app.ambient);
                false
            }
            () = tokio::time::sleep(POLL) => false,
        };
        let now = digest(&watched.path, &app.config.load());
        if asked && let Some(outputs) = &app.ambient.outputs {
            outputs.reopen();
        }
        if asked || now != watched.seen {
            let before = app.config.load_full();
            let reloaded = app.reload_from(&watched.path);
            if let Some(operator) = operator {
                // An operator who has left doesn't receive it; the log does.
                let _ = operator.send(reloaded);
            }
            let after = app.config.load_full();
            // What was seen before the files were read counts, so that a change meanwhile is noticed next time; unless
            // the new configuration names other files.
            let same = files(&before).eq(files(&after));
            watched.seen = if same { now } else { digest(&watched.path, &after) };
        }
    }
}

/// The files that a configuration names.
fn files(config: &Config) -> impl Iterator<Item = &Path> {
    let admin = config.admin.as_ref();
    let certificates = config.server.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let certificates = certificates.chain(admin.and_then(|admin| admin.tls.as_ref()));
    let tokens = admin.and_then(|admin| admin.authentication.as_ref()?.token_file.as_deref());
    let authorities = config.keys.iter().filter_map(|keys| keys.ca_file.as_deref());
    let upstreams = config.upstreams.iter().filter_map(|upstream| upstream.tls.as_ref());
    let certificates = certificates.flat_map(Tls::files);
    let certificates = certificates.chain(upstreams.flat_map(upstream::Tls::files));
    let traces = config.traces.iter().flat_map(|traces| traces.files.iter().map(PathBuf::as_path));
    certificates.map(PathBuf::as_path).chain(authorities).chain(tokens).chain(traces)
}

/// What is in the configuration file and the files it names. A file that can't be read counts as empty.
fn digest(path: &Path, config: &Config) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in std::iter::once(path).chain(files(config)) {
        std::fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
