//! Keeps one consent: what it needs for that, and what it tells of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_layer::ClientVerifier;
use mfa_gateway_store::{Consent, ConsentChange, Sealer, SealingKeys, Store, StoreError};
use schemars::JsonSchema;
use serde::Serialize;

use super::fetches::Fetches;
use super::hand::Hand;
use super::memory::{Part, TokenMemory};
use super::metrics::ConsentMetrics;
use super::settings::ConsentSettings;
use super::state::ConsentState;
use crate::oidc::Client;

/// Keeps one consent.
pub struct Keeper {
    pub(super) settings: ConsentSettings,
    pub(super) client: Client,
    pub(super) verifier: ClientVerifier,
    pub(super) store: Store,
    pub(super) seals: Seals,
    keys: SealingKeys,
    pub(super) clock: Clock,
    pub(super) metrics: ConsentMetrics,
    /// The name of this process among replicas.
    pub(super) replica: String,
    /// The access tokens in memory.
    pub(super) memory: Part,
    /// Those under way.
    pub(super) fetches: Arc<Fetches>,
    /// What a keeper of the same consent goes on with after a reload.
    pub(super) hand: Arc<Hand>,
    /// When the consent was given that tokens are kept of; 0 if that isn't known yet.
    given: AtomicI64,
}

/// What seals each kind of thing.
pub(super) struct Seals {
    pub(super) records: Sealer,
    pub(super) transactions: Sealer,
}

/// What is known of a consent, for people. Times are those of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// The state's name.
    pub state: &'static str,
    /// The issuer's code behind the state.
    pub why: String,
    /// What to do about it.
    pub remedy: &'static str,
    /// Whether its tokens last had MFA.
    pub mfa: bool,
    /// Who gave it: what names the user in the tenant.
    pub user: String,
    /// The same person, for people.
    pub display: String,
    /// The tenant.
    pub tenant: String,
    /// When it was given; RFC 3339.
    pub given: Option<String>,
    /// Who had it given.
    pub given_by: String,
    /// When it was last used.
    pub used: Option<String>,
    /// When the issuer lets it lapse if it isn't used.
    pub lapses: Option<String>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("consent", &self.settings.name).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Keeps the consent of these settings in the store, sealed by these keys.
    #[must_use]
    pub fn new(
        settings: ConsentSettings,
        (client, verifier): (Client, ClientVerifier),
        (store, keys): (Store, SealingKeys),
        (clock, replica): (Clock, String),
        (metrics, memory): (ConsentMetrics, &TokenMemory),
    ) -> Self {
        let seals = Seals {
            records: Sealer::new(&keys, "consent", b""),
            transactions: Sealer::new(&keys, "consent transaction", b""),
        };
        let memory = Part::of(memory);
        let (fetches, hand, given) = Default::default();
        Self { settings, client, verifier, store, seals, keys, clock, metrics, replica, memory, fetches, hand, given }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &ConsentSettings {
        &self.settings
    }

    /// Goes on with what an earlier keeper of the same consent has in hand: a refresh token is in use once, whatever changes.
    #[must_use]
    pub fn after(mut self, earlier: &Self) -> Self {
        self.hand = Arc::clone(&earlier.hand);
        self
    }

    /// Whether this keeper goes on under these settings, with what it has in memory.
    #[must_use]
    pub fn goes_on(&self, settings: &ConsentSettings, keys: &SealingKeys, verifier: &ClientVerifier) -> bool {
        let (own, own_profile) = (self.verifier.rules(), self.verifier.profile());
        let (rules, profile) = (verifier.rules(), verifier.profile());
        self.settings == *settings
            && self.keys == *keys
            && Arc::ptr_eq(self.verifier.keys(), verifier.keys())
            && (&own.issuer, &own.algorithms, own.clock_skew, own.auth_time)
                == (&rules.issuer, &rules.algorithms, rules.clock_skew, rules.auth_time)
            && (&own_profile.mfa, &own_profile.roles, &own_profile.home)
                == (&profile.mfa, &profile.roles, &profile.home)
            && (&own_profile.name, own_profile.clock_skew) == (&profile.name, profile.clock_skew)
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// If the store can't be used.
    pub async fn kept(&self) -> Result<Kept, StoreError> {
        let name = &self.settings.name;
        let row = self.store.consent(name).await?;
        let Some(row) = row else {
            self.metrics.state(name, ConsentState::Absent, None);
            return Ok(self.absent());
        };
        let is_sealed =
            !row.envelope.secret.is_empty() && row.envelope.rewrapped(&self.seals.records, &row.context()).is_none();
        let (state, why) = if let Some(why) = self.misfit(&row) {
            (ConsentState::Absent, why.to_owned())
        } else if is_sealed {
            (ConsentState::Sealed, format!("key {}", row.envelope.key_id()))
        } else {
            (ConsentState::named(&row.state), row.why.clone())
        };
        let lapses = self.lapses(&row);
        self.metrics.state(name, state, lapses.map(Timestamp::as_secs));
        let date = |seconds: i64| (seconds > 0).then(|| Timestamp::from_secs(seconds).to_rfc3339());
        Ok(Kept {
            name: name.clone(),
            state: state.code(),
            why,
            remedy: state.remedy(),
            mfa: row.mfa,
            given: date(row.given),
            used: date(row.used),
            lapses: lapses.map(Timestamp::to_rfc3339),
            user: row.user,
            display: row.display,
            tenant: row.tenant,
            given_by: row.given_by,
        })
    }

    /// Forgets the access tokens of a consent that another replica has withdrawn, or stored anew.
    pub fn follow(&self, change: &ConsentChange) {
        let known = self.given.swap(change.given, Ordering::Relaxed);
        if change.withdrawn || known != change.given {
            self.memory.forget();
        }
    }

    /// When the issuer lets it lapse, while there is a refresh token.
    pub(super) fn lapses(&self, row: &Consent) -> Option<Timestamp> {
        let from = Timestamp::from_secs(row.renewed.max(row.given));
        (!row.envelope.secret.is_empty()).then(|| from.plus(self.settings.lapses))
    }

    fn absent(&self) -> Kept {
        let state = ConsentState::Absent;
        let (why, user, display, given_by) = Default::default();
        Kept {
            name: self.settings.name.clone(),
            state: state.code(),
            why,
            remedy: state.remedy(),
            mfa: false,
            user,
            display,
            tenant: self.settings.tenant.clone().unwrap_or_default(),
            given: None,
            given_by,
            used: None,
            lapses: None,
        }
    }

    /// Ends it: the refresh token is erased, and no token of it is given any more. False if there was none.
    ///
    /// # Errors
    ///
    /// If the store can't be used.
    pub async fn withdraw(&self, by: &str) -> Result<bool, StoreError> {
        let (name, state) = (&self.settings.name, ConsentState::Withdrawn);
        let why: String = by.chars().take(256).collect();
        let withdrawn = self.store.withdraw_consent(name, state.code(), &why, self.clock.now().as_secs()).await?;
        self.memory.forget();
        self.metrics.state(name, state, None);
        Ok(withdrawn)
    }
}
