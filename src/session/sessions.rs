//! The sessions of a process: the table that requests look into, and the store behind it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mfa_gateway_core::clock::{Clock, Timestamp};
use mfa_gateway_store::{Ended, NewSession, SealingKeys, Session, Store, StoreError, Which};
use tokio::sync::Notify;

use super::id::{NoRandom, SessionId};
use super::metrics::SessionMetrics;
use super::record::Record;
use super::settings::SessionSettings;
use super::table::{Ending, Standing, Table};

/// The sessions of a process, of all sign-ins. Reloads keep it.
#[derive(Debug)]
pub struct Sessions {
    pub(super) table: Table,
    pub(super) store: Store,
    pub(super) settings: SessionSettings,
    pub(super) clock: Clock,
    pub(super) metrics: SessionMetrics,
    /// When the store was last heard of, in milliseconds; long ago if never.
    pub(super) synced: AtomicI64,
    /// The ends that the store could not take yet.
    pub(super) owed: Mutex<Vec<(Whose, Ended)>>,
    /// Wakes the task that keeps the table and the store alike.
    pub(super) wake: Notify,
    /// The name of this process among replicas.
    pub(super) replica: String,
    /// What seals cookies if the configuration names no keys: they end with the process.
    pub(super) own_keys: SealingKeys,
    /// What cookies are bound to besides their keys.
    pub(super) epoch: Vec<u8>,
}

/// Whose sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The one of this id.
    Id(SessionId),
    /// Those of this session of the issuer.
    Sid {
        /// The issuer.
        issuer: String,
        /// Its `sid`.
        sid: String,
    },
    /// Those of this session of a sign-in's issuer, whose `iss` isn't known.
    SidOf {
        /// The sign-in's name.
        sign_in: String,
        /// The issuer's `sid`.
        sid: String,
    },
    /// Those of this subject.
    Subject {
        /// The issuer.
        issuer: String,
        /// Its `sub`.
        subject: String,
    },
    /// Those of this session of the issuer, if it is this subject's.
    SidAndSubject {
        /// The issuer.
        issuer: String,
        /// Its `sid`.
        sid: String,
        /// Its `sub`.
        subject: String,
    },
    /// Those of this user.
    User {
        /// The issuer.
        issuer: String,
        /// The tenant; empty if the issuer has none.
        tenant: String,
        /// The user in it.
        user: String,
    },
    /// Every one.
    All,
}

/// What becomes of a request with a session's cookie.
#[derive(Clone, Debug)]
pub enum Judged {
    /// The session goes on, and its newest record has this generation.
    Live(u32),
    /// It has ended.
    Ended(Ending),
    /// Only the store knows: see [`Sessions::ask`].
    Unknown,
    /// The store has not been heard of for so long that the session may have ended elsewhere.
    Unavailable,
}

impl Sessions {
    /// The sessions in a store. Nothing is known of them before [`Self::catch_up`].
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub fn new(
        store: Store,
        epoch: Vec<u8>,
        settings: SessionSettings,
        clock: Clock,
        metrics: SessionMetrics,
    ) -> Result<Self, NoRandom> {
        let replica = SessionId::random()?;
        Ok(Self {
            table: Table::default(),
            store,
            settings,
            clock,
            metrics,
            synced: AtomicI64::new(i64::MIN),
            owed: Mutex::default(),
            wake: Notify::new(),
            replica: replica.to_string(),
            own_keys: SealingKeys::random(),
            epoch,
        })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// Judges a session without waiting. `counts` says whether the request keeps it from going idle.
    #[must_use]
    pub fn judge(&self, record: &Record, idle: Duration, counts: bool) -> Judged {
        let now = self.clock.now();
        if now >= record.expires() {
            return Judged::Ended(Ending::Ended);
        }
        match self.table.look_up(&record.id, now, idle, counts) {
            // Whatever the store would say, it has ended.
            Standing::Ended(Ending::Ended) => Judged::Ended(Ending::Ended),
            // It may have been used on another replica.
            Standing::Ended(Ending::Idle) => Judged::Unknown,
            _ if self.is_stale(now) => Judged::Unavailable,
            Standing::Live(generation) => Judged::Live(generation),
            // Another replica began it a moment ago, and its row is on the way.
            Standing::Unknown if now.since(Timestamp::from_millis(record.made)) < idle => {
                self.table.seen(record.id, now.as_millis(), record.expires, false);
                Judged::Live(record.generation)
            }
            Standing::Unknown => Judged::Unknown,
        }
    }

    /// Asks the store for a session that this process doesn't know.
    ///
    /// # Errors
    ///
    /// If the store can't be reached.
    pub async fn ask(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = self.store.session(&id.to_string()).await?;
        match &row {
            Some(row) if row.ended.is_none() => {
                let (second, expires) = (row.last_seen.saturating_mul(1000), row.begun.expires.saturating_mul(1000));
                // The store knows the second of the last use. A use in it that was here is known to the millisecond.
                let is_known = self.table.last_use(&id).is_some_and(|at| at.as_millis() > second);
                self.table.seen(id, second.saturating_add(if is_known { 0 } else { 999 }), expires, true);
                self.table.renew(id, u32::try_from(row.generation).unwrap_or_default());
            }
            Some(row) => {
                self.table.end(id, row.begun.expires.saturating_mul(1000));
            }
            None => {}
        }
        Ok(row)
    }

    /// Begins a session, and ends the one that it takes the place of.
    ///
    /// # Errors
    ///
    /// If the store doesn't take it. Then nothing has changed.
    pub async fn begin(&self, new: &NewSession, id: SessionId, replaces: Option<SessionId>) -> Result<(), StoreError> {
        let ended = self.ended_now("replaced");
        let old = replaces.map(|old| old.to_string());
        self.store.begin(new, old.as_deref().map(|old| (old, &ended))).await?;
        let expires = new.expires.saturating_mul(1000);
        self.table.seen(id, self.clock.now().as_millis(), expires, true);
        if let Some(old) = replaces
            && self.table.end(old, self.forget_at())
        {
            self.metrics.ended("replaced", 1);
        }
        self.metrics.begun.inc();
        Ok(())
    }

    /// Ends sessions, here at once and on every replica within a second. Returns how many it ended.
    ///
    /// # Errors
    ///
    /// If the store doesn't take it now. A session that was named by its id has ended in this process all the same, and the
    /// store hears of it as soon as it can be reached; so have all, if all were to end.
    pub async fn end(&self, whose: Whose, why: &'static str) -> Result<Vec<SessionId>, StoreError> {
        let ended = self.ended_now(why);
        match &whose {
            Whose::Id(id) => {
                self.table.end(*id, self.forget_at());
            }
            Whose::All => self.table.end_all(),
            _ => {}
        }
        match self.end_stored(&whose, &ended).await {
            Ok(ids) => {
                self.metrics.ended(why, ids.len());
                Ok(ids)
            }
            Err(error) => {
                self.owed.lock().unwrap_or_else(PoisonError::into_inner).push((whose, ended));
                self.wake.notify_one();
                Err(error)
            }
        }
    }

    /// When a session was last used, as far as this process knows.
    #[must_use]
    pub fn last_use(&self, id: &SessionId) -> Option<Timestamp> {
        self.table.last_use(id)
    }

    /// Whether this process knows that a session has ended, which the store may have to learn yet.
    #[must_use]
    pub fn has_ended(&self, id: &SessionId) -> bool {
        self.table.has_ended(id)
    }

    /// Notes that a session went idle, for the store to hear.
    pub fn went_idle(&self, record: &Record) {
        if self.table.end(record.id, record.expires) {
            let ended = self.ended_now("idle");
            self.metrics.ended("idle", 1);
            self.owed.lock().unwrap_or_else(PoisonError::into_inner).push((Whose::Id(record.id), ended));
        }
    }

    fn ended_now(&self, why: &str) -> Ended {
        Ended { why: why.to_owned(), at: self.clock.now().as_secs() }
    }

    /// Ends sessions in the store, and notes which.
    pub(super) async fn end_stored(&self, whose: &Whose, ended: &Ended) -> Result<Vec<SessionId>, StoreError> {
        let own_id = match whose {
            Whose::Id(id) => id.to_string(),
            _ => String::new(),
        };
        let ids = self.store.end(whose.which(&own_id), ended).await?;
        let ids: Vec<_> = ids.iter().filter_map(|id| SessionId::parse(id)).collect();
        for id in &ids {
            self.table.end(*id, self.forget_at());
        }
        Ok(ids)
    }

    /// Whether a session has ended, or has not been used for too long.
    #[must_use]
    pub fn is_over(&self, record: &Record, idle: Duration) -> bool {
        let now = self.clock.now();
        now >= record.expires() || matches!(self.table.look_up(&record.id, now, idle, false), Standing::Ended(_))
    }

    /// Takes something that may be used once, on whichever replica: a `state`, a logout token's id.
    ///
    /// # Errors
    ///
    /// If the store can't be reached; then nobody may use it.
    pub async fn use_once(&self, kind: &str, key: &str, until: Timestamp) -> Result<bool, StoreError> {
        self.store.use_once(kind, key, until.as_secs()).await
    }

    /// Counts a callback.
    pub fn tell_sign_in(&self, result: &'static str, step_up: bool) {
        self.metrics.signed_in(result, step_up);
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether sessions can't be trusted any more, since other replicas may have ended them.
    fn is_stale(&self, now: Timestamp) -> bool {
        let synced = self.synced.load(Ordering::Acquire);
        synced == i64::MIN || now.since(Timestamp::from_millis(synced)) > self.settings.outage
    }

    /// When the end of a session may be forgotten whose cookie's end isn't at hand: no cookie lasts longer.
    pub(super) fn forget_at(&self) -> i64 {
        self.clock.now().plus(MAX_ABSOLUTE).as_millis()
    }
}

impl Whose {
    fn which<'w>(&'w self, own_id: &'w str) -> Which<'w> {
        match self {
            Self::Id(_) => Which::Id(own_id),
            Self::Sid { issuer, sid } => Which::Sid { issuer, sid },
            Self::SidOf { sign_in, sid } => Which::SidOf { sign_in, sid },
            Self::Subject { issuer, subject } => Which::Subject { issuer, subject },
            Self::SidAndSubject { issuer, sid, subject } => Which::SidAndSubject { issuer, sid, subject },
            Self::User { issuer, tenant, user } => Which::User { issuer, tenant, user },
            Self::All => Which::All,
        }
    }
}

/// The longest that a session may last.
pub const MAX_ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);
