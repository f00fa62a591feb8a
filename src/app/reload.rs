//! Change without interruption: a new configuration is validated whole, then swapped in.
//!
//! Requests under way finish with the configuration they began with; connections stay. Sources of keys and upstreams
//! whose settings are the same are kept with what they hold. Changes that need a restart are reported.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::listeners::tls;
use super::{
    App, Assembled, Before, admin_state, assemble, authorizers, certificates, events, exceptions, notify, told,
};
use crate::admin::{Reloaded, State};
use crate::config::{Config, Purpose};
use crate::server::{Address, ServerTls};
use crate::upstream::{self, EndpointLabels};

impl App {
    /// Takes another configuration into use. Large ones take a while, so this is not for a thread that serves.
    ///
    /// # Errors
    ///
    /// If it can't be set up. Then nothing has changed.
    pub fn reload(&self, config: Config) -> anyhow::Result<()> {
        let _context = self.runtime.enter();
        let loaded = config.server.listeners.iter().map(|listener| tls(&listener.address, listener.tls.as_ref()));
        let loaded: Vec<_> = loaded.collect::<Result<_, _>>()?;
        let authorizers = authorizers::load(&config)?;
        let settings = config.admin.as_ref();
        let admin_certificates = settings.map(|admin| tls(&admin.address, admin.tls.as_ref())).transpose()?.flatten();
        let (sources, old) = (self.sources.list().load_full(), self.live.load_full());
        let kept = Before {
            sources: &sources,
            upstreams: &old.upstreams,
            rate_limiters: &old.rate_limiters,
            keepers: Some(&old.keepers),
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
        self.authorizers.change(&self.started, &config, &authorizers);
        if self.admin_tls.load().is_some() && admin_certificates.is_some() {
            self.admin_tls.store(admin_certificates);
        }
        self.acceptor.change(&config.server);
        if let Some(report) = &self.ambient.report {
            report.accounts().set(config.account_files.clone());
        }
        self.sources.replace(sources);
        self.live.store(Arc::new(live));
        old.judge.authenticator.forget();
        self.retired.keep(old);
        self.forget_metrics(&config);
        if let Some(outputs) = &self.ambient.outputs {
            outputs.keep_only(&config.journal);
        }
        for what in &needs_restart {
            tracing::warn!(what, "this change takes effect only after a restart");
        }
        self.retired.keep(self.admin_state.swap(Arc::new(State { needs_restart, ..state })));
        told::warnings(&config);
        certificates::tell(&config, &self.ambient);
        exceptions::note(&config, &self.ambient);
        exceptions::change(&config, &self.ambient);
        events::change(&config, &self.ambient);
        self.retired.keep(self.config.swap(config));
        Ok(())
    }

    /// Removes the metrics of what the configuration doesn't name.
    fn forget_metrics(&self, config: &Config) {
        let named: HashSet<&str> = config.keys.iter().map(|keys| keys.name.as_str()).collect();
        let endpoints = config.upstreams.iter();
        let endpoints = endpoints.flat_map(|one| one.endpoints.iter().map(move |uri| upstream::labels(one, uri)));
        let endpoints: HashSet<EndpointLabels> = endpoints.collect();
        self.ambient.metrics.upstreams.keep_only(|one| endpoints.contains(one));
        self.ambient.metrics.keys.keep_only(|name| named.contains(name));
        let patterns = config.routes.iter().map(|route| route.pattern.as_written());
        self.ambient.metrics.gateway.requests.keep_only(patterns);
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
    pub(super) fn reload_from(&self, path: &Path) -> Reloaded {
        let metrics = &self.ambient.metrics.reloads;
        notify::reloading();
        let loaded = Config::load_to(Purpose::Serve, path).map_err(anyhow::Error::from);
        let reloaded = loaded.and_then(|config| self.reload(config));
        match &reloaded {
            Ok(()) => {
                metrics.succeeded(self.ambient.clock.now(), &self.admin_state.load().hash());
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
        ("authorizers", !authorizers::are_same(before, after)),
        ("listeners[].proxy_protocol", proxy_protocol(before) != proxy_protocol(after)),
        ("admin.address", admin(before) != admin(after)),
        ("admin.tls", plain_admin(before) != plain_admin(after)),
        ("threads", before.server.threads != after.server.threads),
        ("limits.connections", before.server.connections != after.server.connections),
        ("limits.requests", before.gateway.requests != after.gateway.requests),
        ("store", before.store.is_some() && after.store.is_some() && before.store != after.store),
        ("report", after.report.is_some() && before.report != after.report),
        ("log.format and log.level", before.log != after.log),
        (
            "exception_requests, where there were none",
            before.exception_requests.is_none() && after.exception_requests.is_some(),
        ),
        ("security_events, where there were none", before.events.is_none() && after.events.is_some()),
        ("sign_in, where there was none", before.sessions.is_none() && after.sessions.is_some()),
    ];
    changes.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}
