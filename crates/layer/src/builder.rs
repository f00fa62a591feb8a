//! From a service's code to its rule.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Dialect, Exception, ExceptionSet, IssuerProfile, Stage, StageSet, Waivers};
use mfa_gateway_core::random::Random;
use mfa_gateway_core::token::{KeySet, TokenRules};
use mfa_gateway_keys::{Fetching, KeyLocation, KeyMetrics, KeySettings, KeySource};
use tokio::runtime::Handle;

use super::authenticator::Authenticator;
use super::error::BuildError;
use super::gateway::MfaGateway;
use super::issuer::Issuer;
use super::metrics::CacheMetrics;
use super::refusal::Refusals;
use super::shared::{Shared, Tasks};
use super::trusted::{Resolved, ResolvedKeys, TrustedIssuer};

/// The time between refreshes of keys.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3600);

/// How long keys stay in use without a successful refresh.
const MAX_STALE: Duration = Duration::from_secs(86_400);

/// The deadline of one fetch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many requests may wait for the keys of one issuer.
const MAX_WAITING: usize = 64;

/// Collects what a service trusts; see [`MfaGateway::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    issuers: Vec<TrustedIssuer>,
    configured: Vec<Resolved>,
    exceptions: Vec<Exception>,
    stages: Vec<Stage>,
    waivers: Option<Waivers>,
    refusals: Refusals,
    dialect: Dialect,
    clock: Clock,
    random: Random,
    cache_bytes: u64,
    token_bytes: usize,
    state_directory: Option<PathBuf>,
}

impl MfaGateway {
    /// Begins without issuers and exceptions.
    pub fn builder() -> Builder {
        Builder {
            issuers: Vec::new(),
            configured: Vec::new(),
            exceptions: Vec::new(),
            stages: Vec::new(),
            waivers: None,
            refusals: Refusals::default(),
            dialect: Dialect::PartnerCenter,
            clock: Clock::system(),
            random: Random::system(),
            cache_bytes: 64 << 20,
            token_bytes: 16 << 10,
            state_directory: None,
        }
    }

    /// One issuer whose keys are given, at the time of this clock: for tests. It needs no network and no runtime.
    ///
    /// # Errors
    ///
    /// If the issuer lacks an audience, or its keys are not given or unusable.
    pub fn for_tests(issuer: TrustedIssuer, clock: Clock) -> Result<Self, BuildError> {
        Self::builder().issuer(issuer).clock(clock).build_offline()
    }
}

impl Builder {
    /// Trusts an issuer.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Trusts an issuer whose settings were made and checked elsewhere, as from the gateway's configuration.
    pub fn configured(mut self, profile: Arc<IssuerProfile>, rules: TokenRules, keys: KeySettings) -> Self {
        let (source_name, allow_http) = (keys.name.clone(), keys.allow_http);
        let keys = ResolvedKeys::As(Box::new(keys));
        self.configured.push(Resolved { profile, rules, source_name, keys, allow_http });
        self
    }

    /// Waives what these waive, made and checked elsewhere, in place of single exceptions and stages.
    pub fn waivers(self, waivers: Waivers) -> Self {
        Self { waivers: Some(waivers), ..self }
    }

    /// Waives MFA for those whom an exception names, until it expires.
    pub fn exception(mut self, exception: Exception) -> Self {
        self.exceptions.push(exception);
        self
    }

    /// Enforces MFA differently for some callers. The first stage that is for a caller holds.
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }

    /// The dialect of refusals, where neither the requirement nor the issuer has one. The default is Partner Center's.
    pub fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The content of refusals beyond the rule.
    pub fn refusals(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// The URL of the metadata of the service's resource (RFC 9728): each challenge of the dialect `oauth` names it.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.refusals.resource_metadata = Some(url.into());
        self
    }

    /// Another clock than the system's: for tests.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Another source of chance than the system's: for tests. Request ids come from it.
    pub fn random(self, random: Random) -> Self {
        Self { random, ..self }
    }

    /// The memory of the cache of verified tokens. The default is 64 MiB; 0 turns it off.
    pub fn cache_bytes(self, bytes: u64) -> Self {
        Self { cache_bytes: bytes, ..self }
    }

    /// The longest token. The default is 16 KiB.
    pub fn token_bytes(self, bytes: usize) -> Self {
        Self { token_bytes: bytes, ..self }
    }

    /// Keeps the last good keys in this directory, so that a restart during an issuer's outage serves.
    pub fn state_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self { state_directory: Some(directory.into()), ..self }
    }

    /// Starts to refresh the keys, and waits until the first attempt has ended. That it fails is no error: requests get
    /// 503 until the keys are there.
    ///
    /// # Errors
    ///
    /// If something of it is wrong, or there is no tokio runtime.
    pub async fn build(self) -> Result<MfaGateway, BuildError> {
        let runtime = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let gateway = self.build_in(Some(&runtime))?;
        gateway.settled().await;
        Ok(gateway)
    }

    /// The same where all keys are given: without a runtime, and without the network.
    ///
    /// # Errors
    ///
    /// If something of it is wrong, or the keys of an issuer are not given.
    pub fn build_offline(self) -> Result<MfaGateway, BuildError> {
        self.build_in(None)
    }

    fn build_in(self, runtime: Option<&Handle>) -> Result<MfaGateway, BuildError> {
        let everybody = |one: &&Exception| one.user.is_none() && one.application.is_none();
        if let Some(one) = self.exceptions.iter().find(everybody) {
            return Err(BuildError::ExceptionForAll { id: one.id.clone() });
        }
        let mut sources = Sources { builder: &self, runtime, tasks: Tasks::default(), known: Vec::new() };
        let issuers = sources.issuers()?;
        let tasks = sources.tasks;
        let waivers = self.waivers.unwrap_or_else(|| Waivers {
            exceptions: ExceptionSet::new(self.exceptions),
            stages: StageSet::new(self.stages),
            ..Waivers::default()
        });
        let (clock, metrics) = (self.clock.clone(), CacheMetrics::default());
        let authenticator = Authenticator::new(issuers, self.cache_bytes, self.token_bytes, clock, metrics);
        let Self { refusals, dialect, clock, random, .. } = self;
        Ok(MfaGateway::new(Shared { authenticator, waivers, refusals, dialect, clock, random, tasks }))
    }
}

/// The sources of keys, while they are made.
struct Sources<'b> {
    builder: &'b Builder,
    runtime: Option<&'b Handle>,
    tasks: Tasks,
    known: Vec<Arc<KeySource>>,
}

impl Sources<'_> {
    fn issuers(&mut self) -> Result<Vec<Issuer>, BuildError> {
        let (fetching, metrics) = (Fetching::new(None), KeyMetrics::default());
        let mut issuers: Vec<Issuer> = Vec::new();
        for trusted in &self.builder.issuers {
            let resolved = trusted.clone().resolve()?;
            resolved.iter().try_for_each(|one| check(one, &issuers))?;
            for one in &resolved {
                let source = self.source(one, &fetching, &metrics)?;
                issuers.push(Issuer::new(Arc::clone(&one.profile), one.rules.clone(), source));
            }
        }
        for one in &self.builder.configured {
            check(one, &issuers)?;
            let source = self.source(one, &fetching, &metrics)?;
            issuers.push(Issuer::new(Arc::clone(&one.profile), one.rules.clone(), source));
        }
        if issuers.is_empty() { Err(BuildError::NoIssuer) } else { Ok(issuers) }
    }

    fn source(
        &mut self,
        one: &Resolved,
        fetching: &Fetching,
        metrics: &KeyMetrics,
    ) -> Result<Arc<KeySource>, BuildError> {
        let issuer = || one.profile.name.clone();
        let settings = match &one.keys {
            ResolvedKeys::Given(document) => {
                let keys = KeySet::parse(document.as_bytes(), None)
                    .map_err(|source| BuildError::Keys { issuer: issuer(), source })?;
                return Ok(Arc::new(KeySource::given(&one.source_name, keys, self.builder.clock.clone())));
            }
            ResolvedKeys::At(location) => self.settings(one, location.clone()),
            ResolvedKeys::As(settings) => (**settings).clone(),
        };
        let Some(runtime) = self.runtime else { return Err(BuildError::Offline { issuer: issuer() }) };
        if let Some(known) = self.known.iter().find(|known| known.settings().same_source(&settings)) {
            return Ok(Arc::clone(known));
        }
        let handles = metrics.issuer(&one.source_name);
        let Builder { clock, random, .. } = self.builder;
        let source = KeySource::new(settings, clock.clone(), random.clone(), handles, fetching)
            .map_err(|source| BuildError::Fetch { issuer: issuer(), source })?;
        let source = Arc::new(source);
        self.tasks.run(&source, runtime);
        self.known.push(Arc::clone(&source));
        Ok(source)
    }

    fn settings(&self, one: &Resolved, location: KeyLocation) -> KeySettings {
        KeySettings {
            name: one.source_name.clone(),
            location,
            refresh_interval: REFRESH_INTERVAL,
            max_stale: MAX_STALE,
            timeout: TIMEOUT,
            allow_http: one.allow_http,
            ca_file: None,
            authorities: Vec::new(),
            state_directory: self.builder.state_directory.clone(),
            max_waiting: MAX_WAITING,
        }
    }
}

/// Whether a rule for `iss` and its name are no other issuer's. Both rules of an Entra issuer have one profile.
fn check(one: &Resolved, issuers: &[Issuer]) -> Result<(), BuildError> {
    let name = || one.profile.name.clone();
    let is_other = |other: &Issuer| !Arc::ptr_eq(other.profile(), &one.profile);
    if issuers.iter().any(|other| is_other(other) && other.profile().name == one.profile.name) {
        return Err(BuildError::NameTaken { issuer: name() });
    }
    if issuers.iter().any(|other| other.rules().issuer.overlaps(&one.rules.issuer)) {
        return Err(BuildError::Ambiguous { issuer: name() });
    }
    Ok(())
}
