//! From a configuration to what serves requests.

use std::sync::Arc;

use anyhow::Context;

use crate::authenticator::{Authenticator, Issuer};
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::Live;
use crate::journal::Journal;
use crate::jwks::KeySource;
use crate::policy::RouteTable;
use crate::random::Random;
use crate::telemetry::Metrics;
use crate::upstream::Upstream;

/// What a configuration becomes.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) live: Live,
    pub(crate) sources: Vec<Arc<KeySource>>,
}

/// Makes everything that a configuration asks for. Nothing is connected or fetched yet.
///
/// # Errors
///
/// If the system's certificate roots are needed and can't be read.
pub(crate) fn assemble(config: Config, clock: Clock, random: Random, metrics: &Metrics) -> anyhow::Result<Assembled> {
    let mut sources = Vec::new();
    for settings in config.keys {
        let issuer_metrics = metrics.issuer(&settings.name);
        let name = settings.name.clone();
        let source = KeySource::new(settings, clock.clone(), random.clone(), issuer_metrics)
            .with_context(|| format!("the keys of issuer {name} can't be fetched on this system"))?;
        sources.push(Arc::new(source));
    }
    let mut upstreams = Vec::new();
    for settings in config.upstreams {
        let name = settings.name.clone();
        let upstream = Upstream::new(settings, random.clone()).with_context(|| format!("upstream {name}"))?;
        upstreams.push(Arc::new(upstream));
    }
    let issuers = config
        .issuers
        .into_iter()
        .map(|issuer| Issuer::new(issuer.profile, issuer.rules, Arc::clone(&sources[issuer.keys])))
        .collect();
    let authenticator =
        Authenticator::new(issuers, config.token_cache_bytes, config.limits.token_bytes, clock.clone(), metrics);
    let live = Live {
        routes: RouteTable::new(config.routes),
        upstreams,
        authenticator,
        exceptions: config.exceptions,
        refusals: config.refusals,
        url_bytes: config.limits.url_bytes,
        journal: Journal(config.log.decisions),
        clock,
        random,
    };
    Ok(Assembled { live, sources })
}
