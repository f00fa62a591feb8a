//! Change without interruption: a new configuration is validated whole, then swapped in.
//!
//! Requests under way finish with the configuration they began with; connections stay. Sources of keys and upstreams
//! whose settings are the same are kept with what they hold. What can't change without a restart is told.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};

use super::{App, Assembled, Before, assemble, tls};
use crate::app::connection::ConnectionSettings;
use crate::config::Config;

/// How often files are looked at. A mounted volume swaps a link, which notifications of single files miss.
const POLL: Duration = Duration::from_secs(5);

impl App {
    /// Takes another configuration into use.
    ///
    /// # Errors
    ///
    /// If it can't be set up. Then nothing has changed.
    pub fn reload(&self, config: Config) -> anyhow::Result<()> {
        let certificates: Result<Vec<_>, _> = config.listeners.iter().map(tls).collect();
        let certificates = certificates?;
        let (sources, live) = (self.sources.list().load_full(), self.live.load_full());
        let kept = Before {
            sources: &sources,
            upstreams: &live.upstreams,
            rate_limiters: &live.rate_limiters,
            generation: live.generation,
        };
        let Assembled { live, sources } = assemble(&config, &self.ambient, kept)?;
        let restart = needs_restart(&self.started, &config);
        // From here on nothing can fail.
        for (listener, certificates) in config.listeners.iter().zip(certificates) {
            self.replace_certificates(listener.address, certificates);
        }
        self.acceptor.settings.store(Arc::new(ConnectionSettings::of(&config)));
        self.acceptor.admission.change(&config);
        self.sources.replace(sources);
        self.live.store(Arc::new(live));
        if let Some(outputs) = &self.ambient.outputs {
            outputs.keep_only(&config.log);
        }
        self.config.store(Arc::new(config));
        for what in restart {
            tracing::warn!(what, "this change counts only after a restart");
        }
        Ok(())
    }

    /// Gives the listener of an address other certificates. One that serves without TLS, or with it, goes on so.
    fn replace_certificates(&self, address: SocketAddr, certificates: Option<Arc<ServerConfig>>) {
        let place = self.started.listeners.iter().position(|listener| listener.address == address);
        if let (Some(place), Some(certificates)) = (place.and_then(|at| self.tls.get(at)), certificates)
            && place.load().is_some()
        {
            place.store(Some(certificates));
        }
    }

    /// Reads the file again, and takes it into use if it is valid.
    fn reload_from(&self, path: &Path) {
        let metrics = &self.ambient.metrics;
        match Config::load(path).map_err(anyhow::Error::from).and_then(|config| self.reload(config)) {
            Ok(()) => {
                metrics.reloaded(self.ambient.clock.now());
                tracing::info!(file = %path.display(), "configuration reloaded");
            }
            Err(error) => {
                metrics.reload_failed.inc();
                let error = format!("{error:#}");
                tracing::error!(file = %path.display(), error, "the configuration was not reloaded; the old one stays");
            }
        }
    }
}

/// What a running gateway keeps, whatever the new configuration says.
fn needs_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    let addresses = |config: &Config| config.listeners.iter().map(|one| one.address).collect::<Vec<_>>();
    let plain = |config: &Config| config.listeners.iter().map(|one| one.tls.is_none()).collect::<Vec<_>>();
    let proxy_protocol = |config: &Config| config.listeners.iter().map(|one| one.proxy_protocol).collect::<Vec<_>>();
    let changes = [
        ("listeners", addresses(before) != addresses(after) || plain(before) != plain(after)),
        ("listeners[].proxy_protocol", proxy_protocol(before) != proxy_protocol(after)),
        ("admin", before.admin != after.admin),
        ("limits.connections", before.limits.connections != after.limits.connections),
        ("limits.requests", before.limits.requests != after.limits.requests),
        ("log.format and log.level", before.log.format != after.log.format || before.log.filter != after.log.filter),
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

/// Reloads on SIGHUP and when a file has changed, for ever.
///
/// # Errors
///
/// If the signal can't be handled.
pub(crate) async fn reload_on_change(app: &App, mut watched: Watched) -> std::io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        let asked = tokio::select! {
            _ = hang_up.recv() => true,
            () = tokio::time::sleep(POLL) => false,
        };
        let now = digest(&watched.path, &app.config.load());
        if asked && let Some(outputs) = &app.ambient.outputs {
            outputs.reopen();
        }
        if asked || now != watched.seen {
            let before = app.config.load_full();
            app.reload_from(&watched.path);
            let after = app.config.load_full();
            // What was seen before the files were read counts, so that a change meanwhile is noticed next time; unless the
            // new configuration names other files.
            let same = files(&before).eq(files(&after));
            watched.seen = if same { now } else { digest(&watched.path, &after) };
        }
    }
}

/// The files that a configuration names.
fn files(config: &Config) -> impl Iterator<Item = &Path> {
    let certificates = config.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let authorities = config.keys.iter().filter_map(|keys| keys.ca_file.as_deref());
    certificates.flat_map(crate::config::Tls::files).map(PathBuf::as_path).chain(authorities)
}

/// What is in the configuration file and the files it names. A file that can't be read counts as empty.
fn digest(path: &Path, config: &Config) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in std::iter::once(path).chain(files(config)) {
        std::fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
