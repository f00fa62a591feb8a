//! From a configuration to what serves requests.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;

use super::ambient::Ambient;
use super::kept::Kept;
use crate::config::Config;
use crate::consent::Keepers;
use crate::gateway::{Edge, Judge, Live, LiveMetrics, RateLimitSettings, RateLimiter, Refusals};
use crate::introspection::Introspector;
use crate::journal::Journal;
use crate::oidc::Client;
use crate::routing::RouteTable;
use crate::telemetry::Tracer;
use crate::upstream::{SystemRoots, Upstream};
use mfa_gateway_core::policy::Waivers;
use mfa_gateway_core::token::DpopNonces;
use mfa_gateway_keys::{Fetching, KeySource};
use mfa_gateway_layer::{Authenticator, Issuer, Senders};

/// What a configuration becomes.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) live: Live,
    pub(crate) sources: Vec<Arc<KeySource>>,
}

/// What an earlier configuration became. What has the same settings is kept, with the keys and connections it holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before<'b> {
    pub(crate) sources: &'b [Arc<KeySource>],
    pub(crate) upstreams: &'b [Arc<Upstream>],
    pub(crate) rate_limiters: &'b [Arc<RateLimiter>],
    pub(crate) keepers: Option<&'b Keepers>,
    pub(crate) tracer: Option<&'b Arc<Tracer>>,
    pub(crate) generation: u64,
}

/// Makes everything that a configuration requires. Nothing is connected or fetched yet.
///
/// # Errors
///
/// If the system's certificate roots are needed and can't be read.
pub(crate) fn assemble(config: &Config, ambient: &Ambient, before: Before<'_>) -> anyhow::Result<Assembled> {
    let sources = sources(config, ambient, before)?;
    let roots = SystemRoots::default();
    let mut upstreams = Vec::new();
    let kept = Kept::of(before.upstreams, |upstream| &upstream.settings().name);
    for settings in &config.upstreams {
        upstreams.push(match kept.find(&settings.name, |upstream| upstream.settings() == settings) {
            Some(upstream) => Arc::clone(upstream),
            None => Arc::new(
                Upstream::new(settings.clone(), ambient.random.clone(), &ambient.metrics.upstreams, &roots)
                    .with_context(|| format!("upstream {}", settings.name))?,
            ),
        });
    }
    let live = Live {
        edge: Edge {
            trusted_proxies: config.gateway.trusted_proxies.clone(),
            url_bytes: config.gateway.url_bytes,
            headers: config.gateway.headers,
            body_bytes: config.gateway.body_bytes,
            body_timeout: config.gateway.body_timeout,
            claim_fields: config.gateway.claim_fields.clone(),
            assertions: config.gateway.assertions.clone(),
        },
        judge: judge(config, ambient, &sources)?,
        resources: config.resources.clone(),
        refusals: Refusals { dpop_algorithms: config.senders.algorithms(), ..config.refusals.clone() },
        doors: super::sessions::doors(config, ambient, &sources)?,
        keepers: super::consents::keepers(config, ambient, &sources, before.keepers.unwrap_or(&Keepers::default()))?,
        consent_callers: Arc::clone(&config.consent_callers),
        vendors: Arc::clone(&config.vendors),
        events: super::events::receiver(config, ambient, &sources),
        upstreams,
        rate_limiters: rate_limiters(config, before),
        report: ambient.report.clone().filter(|_| config.report.is_some()),
        metrics: metrics(config, ambient),
        journal: match &ambient.outputs {
            Some(outputs) => outputs.journal(&config.journal).context("a log could not be opened")?,
            None => Journal { which: config.journal.which, decisions: None, accesses: None, tokens: None },
        },
        counter: super::report::counter(config, ambient),
        tracer: tracer(config, ambient, before)?,
        generation: before.generation + 1,
        clock: ambient.clock.clone(),
        random: ambient.random.clone(),
    };
    Ok(Assembled { live, sources })
}

/// The nonces that DPoP proofs have to hold, if they do.
fn nonces(config: &Config, ambient: &Ambient) -> Option<DpopNonces> {
    let settings = config.dpop_nonces.as_ref()?;
    Some(DpopNonces::new(settings.keys.as_ref().unwrap_or(&ambient.nonce_keys).iter(), settings.lifetime))
}

/// What judges requests.
fn judge(config: &Config, ambient: &Ambient, sources: &[Arc<KeySource>]) -> anyhow::Result<Judge> {
    let issuer = |issuer: &crate::config::Issuer| {
        Issuer::new(Arc::clone(&issuer.profile), issuer.rules.clone(), Arc::clone(&sources[issuer.keys]))
    };
    let authenticator = Authenticator::new(
        config.issuers.iter().filter(|issuer| issuer.for_access_tokens).map(&issuer).collect(),
        config.token_cache_bytes,
        config.token_bytes,
        ambient.clock.clone(),
        ambient.metrics.cache.clone(),
    );
    Ok(Judge {
        routes: RouteTable::new(config.routes.clone()),
        authenticator: authenticator.until_revoked(super::events::revocations(config, ambient)),
        senders: Senders::new(config.senders.clone(), Arc::clone(&ambient.seen_proofs), nonces(config, ambient)),
        introspector: introspector(config, ambient, issuer)?,
        waivers: Waivers { granted: ambient.granted.clone(), ..config.waivers.clone() },
        delegations: Arc::clone(&config.delegations),
    })
}

/// What asks about opaque tokens, if an issuer has them.
fn introspector(
    config: &Config,
    ambient: &Ambient,
    issuer: impl Fn(&crate::config::Issuer) -> Issuer,
) -> anyhow::Result<Option<Box<Introspector>>> {
    let Some(settings) = &config.introspection else { return Ok(None) };
    let fetching = Fetching::new(ambient.fetching.clone());
    let (clock, metrics) = (ambient.clock.clone(), ambient.metrics.introspection.clone());
    let client = Client::for_questions(settings.client.clone(), clock.clone(), &fetching);
    let client = client.context("the client that asks about opaque tokens can't be made")?;
    let issuer = issuer(&config.issuers[settings.issuer]);
    Ok(Some(Box::new(Introspector::new(settings.clone(), (issuer, client), clock, metrics))))
}

fn metrics(config: &Config, ambient: &Ambient) -> LiveMetrics {
    let requests = &ambient.metrics.gateway.requests;
    LiveMetrics {
        routes: requests.routes(config.routes.iter().map(|route| (route.pattern.as_written(), route.credential()))),
        no_route: requests.no_route(),
        limits: ambient.metrics.gateway.limits.clone(),
        delegations: ambient.metrics.gateway.delegations.clone(),
    }
}

/// The tracer that the configuration asks for. One with the same settings goes on; commands that serve nothing have
/// none.
fn tracer(config: &Config, ambient: &Ambient, before: Before<'_>) -> anyhow::Result<Option<Arc<Tracer>>> {
    let Some(settings) = config.traces.as_ref().filter(|_| ambient.outputs.is_some()) else { return Ok(None) };
    if let Some(kept) = before.tracer.filter(|tracer| tracer.settings() == settings) {
        return Ok(Some(Arc::clone(kept)));
    }
    let tracer = Tracer::start(settings.clone(), ambient.random.clone(), ambient.metrics.traces.clone());
    Ok(Some(Arc::new(tracer.context("the trace exporter could not be set up")?)))
}

/// Nobody gets a fresh budget by a reload that doesn't concern it.
fn rate_limiters(config: &Config, before: Before<'_>) -> Vec<Arc<RateLimiter>> {
    let kept = Kept::of(before.rate_limiters, |limiter| &limiter.settings().name);
    let kept = |settings: &RateLimitSettings| kept.find(&settings.name, |one| one.settings() == settings).cloned();
    let new = |settings: &RateLimitSettings| Arc::new(RateLimiter::new(settings.clone()));
    config.rate_limits.iter().map(|settings| kept(settings).unwrap_or_else(|| new(settings))).collect()
}

fn sources(config: &Config, ambient: &Ambient, before: Before<'_>) -> anyhow::Result<Vec<Arc<KeySource>>> {
    let fetching = Fetching::new(ambient.fetching.clone());
    let mut sources = Vec::new();
    let kept = Kept::of(before.sources, |source| &source.settings().name);
    let located: HashMap<_, _> = before.sources.iter().rev().map(|one| (&one.settings().location, one)).collect();
    for settings in &config.keys {
        if let Some(kept) = kept.find(&settings.name, |source| source.settings() == settings) {
            sources.push(Arc::clone(kept));
            continue;
        }
        let metrics = ambient.metrics.keys.issuer(&settings.name);
        let (clock, random) = (ambient.clock.clone(), ambient.random.clone());
        let source = KeySource::new(settings.clone(), clock, random, metrics, &fetching)
            .with_context(|| format!("the key source of issuer {} could not be set up", settings.name))?;
        // Other intervals or deadlines are no reason to be without keys until the next fetch.
        if let Some(other) = located.get(&settings.location) {
            source.take_keys_of(other);
        }
        sources.push(Arc::new(source));
    }
    Ok(sources)
}
