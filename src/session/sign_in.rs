//! A way to sign in, as it runs: from a browser's cookie to what the session proves.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::quality::RandomState;
use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_core::policy::Proof;
use mfa_gateway_keys::Metadata;
use mfa_gateway_layer::ClientVerifier;
use mfa_gateway_store::Sealer;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::access_tokens::AccessTokens;
use super::cookie::OwnCookies;
use super::flights::Flights;
use super::id::SessionId;
use super::record::{Record, vocabulary};
use super::sessions::{Judged, Sessions};
use super::settings::SignInSettings;
use super::table::Ending;
use super::wanted_claims::WantedClaims;
use crate::oidc::{Client, TenantId};

/// How much memory the sessions that were used last may take, once opened.
const OPENED_BYTES: u64 = 12 * 1024 * 1024;

/// How much memory newer records than their cookies may take. Few are needed: a browser has each after its next response,
/// but for those that are too long for a cookie.
const NEWEST_BYTES: u64 = 6 * 1024 * 1024;

/// What an opened session takes beyond its cookie, about.
const OVERHEAD: usize = 1600;

/// A way to sign in.
#[derive(Debug)]
pub struct SignIn {
    pub(super) settings: SignInSettings,
    pub(super) verifier: ClientVerifier,
    pub(super) flights: Flights,
    pub(super) client: Client,
    pub(super) sessions: Arc<Sessions>,
    pub(super) clock: Clock,
    pub(super) seals: Seals,
    pub(super) vocabulary: u64,
    pub(super) wants: WantedClaims,
    /// What cookies are bound to besides their names: the sign-in, and its origin.
    pub(super) context: Vec<u8>,
    pub(super) access_tokens: AccessTokens,
    opened: Cache<Box<str>, Current, RandomState>,
    newest: Cache<SessionId, Current, RandomState>,
}

/// What seals each kind of thing.
#[derive(Debug)]
pub(super) struct Seals {
    pub(super) session: Sealer,
    pub(super) transaction: Sealer,
    pub(super) link: Sealer,
    pub(super) secrets: Sealer,
    pub(super) record: Sealer,
}

/// A session, opened.
#[derive(Clone, Debug)]
pub struct Current {
    /// What its cookie says.
    pub record: Arc<Record>,
    /// What that proves.
    pub proof: Arc<Proof>,
    /// Whether the browser's cookie holds an older record.
    pub is_newer: bool,
}

impl Current {
    /// The tenant that it is of.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        self.proof.tenant.as_deref().and_then(TenantId::parse)
    }

    /// The newest record, in the place of the one in the browser's cookie, whose note of a step-up in vain it may lack.
    pub(super) fn instead_of(self, cookie: &Record) -> Self {
        let is_newer = !(cookie.is_stub && cookie.generation.saturating_add(1) == self.record.generation);
        if cookie.tried.is_none() || self.record.tried == cookie.tried {
            return Self { is_newer, ..self };
        }
        let record = Record { tried: cookie.tried.clone(), ..(*self.record).clone() };
        Self { record: Arc::new(record), is_newer, ..self }
    }
}

/// What a browser's cookies are good for.
#[derive(Clone, Debug)]
pub enum Looked {
    /// No session. `is_stray` says that there is a cookie that is none, and should be cleared.
    None {
        /// Whether there is a cookie to clear.
        is_stray: bool,
    },
    /// A session.
    Live(Current),
    /// A session that is over.
    Over(Ending),
    /// Nobody can tell whether it has ended.
    Unavailable,
    /// Something has to be waited for: see [`SignIn::settle`].
    Wait(Arc<Record>),
}

impl SignIn {
    /// A way to sign in.
    #[must_use]
    pub fn new(
        settings: SignInSettings,
        verifier: ClientVerifier,
        client: Client,
        sessions: Arc<Sessions>,
        clock: Clock,
    ) -> Self {
        let seals = Seals::of(&settings, &sessions);
        let bound_to = [settings.name.as_str(), settings.public.as_str(), settings.cookie.session()];
        let context = bound_to.join("\0").into_bytes();
        let vocabulary = vocabulary(&settings.keep);
        let opened = Cache::<Box<str>, Current>::builder().max_capacity(OPENED_BYTES);
        let opened = opened.weigher(|cookie, _| u32::try_from(cookie.len() + OVERHEAD).unwrap_or(u32::MAX));
        // What gets in was sealed here, so that nobody can fill it with cookies that collide.
        let opened = opened.build_with_hasher(RandomState::default());
        let newest = Cache::<_, Current>::builder().max_capacity(NEWEST_BYTES).eviction_policy(EvictionPolicy::lru());
        let newest = newest.weigher(|_, one| u32::try_from(one.record.claims.len() + OVERHEAD).unwrap_or(u32::MAX));
        let wants = WantedClaims::new(&settings.wants);
        Self {
            wants,
            settings,
            verifier,
            flights: Flights::default(),
            client,
            sessions,
            clock,
            seals,
            vocabulary,
            context,
            access_tokens: AccessTokens::default(),
            opened,
            newest: newest.build_with_hasher(RandomState::default()),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &SignInSettings {
        &self.settings
    }

    /// What verifies its issuer's tokens.
    #[must_use]
    pub fn verifier(&self) -> &ClientVerifier {
        &self.verifier
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// Reads a browser's cookies, without waiting for anything. `counts` says whether this use keeps the session from going
    /// idle.
    #[must_use]
    pub fn look_up(&self, cookies: &OwnCookies, counts: bool) -> Looked {
        let Some(value) = &cookies.session else { return Looked::None { is_stray: cookies.is_doubled } };
        let Some(opened) = self.open(value) else { return Looked::None { is_stray: true } };
        self.judge(opened, counts)
    }

    fn judge(&self, opened: Current, counts: bool) -> Looked {
        let times = &self.settings.times;
        match self.sessions.judge(&opened.record, times.idle, counts) {
            Judged::Ended(ending) => {
                if ending == Ending::Idle {
                    self.sessions.went_idle(&opened.record);
                }
                Looked::Over(ending)
            }
            Judged::Unavailable => Looked::Unavailable,
            Judged::Unknown => Looked::Wait(opened.record),
            Judged::Live(generation) => {
                let current = if generation > opened.record.generation {
                    match self.newest.get(&opened.record.id).filter(|one| one.record.generation >= generation) {
                        Some(newest) => newest.instead_of(&opened.record),
                        None => return Looked::Wait(opened.record),
                    }
                } else {
                    opened
                };
                if self.needs_care(&current.record) { Looked::Wait(current.record) } else { Looked::Live(current) }
            }
        }
    }

    /// Whether something has to be read or refreshed before the session is used.
    fn needs_care(&self, record: &Record) -> bool {
        record.vocabulary != self.vocabulary || record.is_stub || self.is_refresh_due(record)
    }

    pub(super) fn is_refresh_due(&self, record: &Record) -> bool {
        let due = record.refresh_at.filter(|_| self.settings.times.refresh.is_some());
        due.is_some_and(|at| self.clock.now() >= Timestamp::from_millis(at))
    }

    /// The session in a cookie's value.
    pub(super) fn open(&self, value: &str) -> Option<Current> {
        if let Some(opened) = self.opened.get(value) {
            return Some(opened);
        }
        let record = Record::open(value, &self.seals.session, &self.context)?;
        let opened = self.prove(record, false)?;
        self.opened.insert(value.into(), opened.clone());
        Some(opened)
    }

    /// The record of a row, which a refresh sealed for the store.
    pub(super) fn open_stored(&self, id: &SessionId, sealed: &[u8]) -> Option<Record> {
        serde_json::from_slice(&self.seals.record.open(id.to_string().as_bytes(), sealed)?).ok()
    }

    /// A record, sealed for the store.
    pub(super) fn seal_for_store(&self, record: &Record) -> Vec<u8> {
        let text = serde_json::to_vec(record).unwrap_or_default();
        self.seals.record.seal(record.id.to_string().as_bytes(), &text)
    }

    /// Takes the record that a refresh made, here or on another replica: no older one counts from now on.
    pub(super) fn renew(&self, record: &Arc<Record>) {
        if let Some(current) = self.prove(Arc::clone(record), true) {
            self.newest.insert(record.id, current);
        }
        self.sessions.table.renew(record.id, record.generation);
    }

    /// What a record proves.
    pub(super) fn prove(&self, record: Arc<Record>, is_newer: bool) -> Option<Current> {
        let proof = self.verifier.prove_kept(&record.kept()?);
        Some(Current { record, proof: Arc::new(proof), is_newer })
    }

    /// The issuer's metadata, fetched if it never was.
    pub(super) async fn metadata(&self) -> Option<Arc<Metadata>> {
        self.verifier.keys().metadata_for_sign_in().await
    }

    /// The same for the tenant that people sign in to. `None`, too, if they can't.
    pub(super) async fn metadata_in(&self, tenant: Option<TenantId>) -> Option<Arc<Metadata>> {
        let metadata = self.metadata().await?;
        match tenant {
            None => Some(metadata),
            Some(tenant) => self.settings.tenants.as_ref()?.metadata(tenant, &metadata).map(Arc::new),
        }
    }

    /// Seals the content of a link.
    #[must_use]
    pub fn seal_link(&self, text: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seals.link.seal(&self.context, text))
    }

    /// The content of a sealed link.
    #[must_use]
    pub fn open_link(&self, sealed: &str) -> Option<Vec<u8>> {
        self.seals.link.open(&self.context, &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }

    /// The cookie's value for a record; for one that is too long, a stub.
    #[must_use]
    pub fn seal(&self, record: &Record) -> Option<String> {
        let seal = |record: &Record| record.seal(&self.seals.session, &self.context);
        seal(record).or_else(|| seal(&record.stub()?))
    }
}

impl Seals {
    fn of(settings: &SignInSettings, sessions: &Sessions) -> Self {
        let keys = settings.keys.as_ref().unwrap_or(&sessions.own_keys);
        let seal = |purpose| Sealer::new(keys, purpose, &sessions.epoch);
        Self {
            session: seal("session"),
            transaction: seal("transaction"),
            link: seal("link"),
            secrets: seal("secrets"),
            record: seal("record"),
        }
    }
}
