//! A session as operators see it.

use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::Session;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::Live;
use crate::session::{SessionId, Sessions};

/// A session.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct SessionDetail {
    /// Its id. It is no credential.
    pub(in crate::admin) id: String,
    /// The name of the sign-in.
    pub(in crate::admin) sign_in: String,
    /// The issuer (`iss`).
    pub(in crate::admin) issuer: String,
    /// The user, as the issuer names it to this client (`sub`).
    subject: String,
    /// The tenant (`tid`); `null` if the issuer has none.
    pub(in crate::admin) tenant: Option<String>,
    /// The user in the tenant: `oid`, or `sub`.
    pub(in crate::admin) user: String,
    /// The user's name for people, such as `preferred_username`; `null` if the ID token has none.
    pub(in crate::admin) name: Option<String>,
    /// Whether the sign-in, or a step-up, proved MFA.
    pub(in crate::admin) mfa: bool,
    /// When it began (RFC 3339).
    pub(in crate::admin) created: String,
    /// When it was last used, as far as this process knows (RFC 3339).
    pub(in crate::admin) last_seen: String,
    /// When it ends, however much it is used (RFC 3339).
    pub(in crate::admin) expires: String,
    /// How often its tokens were refreshed.
    refreshes: i64,
    /// `live`; `ended`, if something ended it; `idle`, if it was not used for too long; `expired`, if its time is over.
    #[schemars(extend("enum" = ["live", "ended", "idle", "expired"]))]
    pub(in crate::admin) standing: &'static str,
    /// What ended it; `null` unless it has ended.
    pub(in crate::admin) ended: Option<EndDetail>,
}

/// What ended a session.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct EndDetail {
    /// When (RFC 3339).
    at: String,
    /// Why, such as `sign_out`, `replaced`, `back_channel` or `operator`.
    pub(in crate::admin) why: String,
}

impl SessionDetail {
    /// What a row says, with what this process knows since.
    pub(super) fn of(row: Session, sessions: &Sessions, live: &Live) -> Self {
        let (now, idle) = (live.clock.now(), idle_time(live, &row.begun.sign_in));
        let stored = Timestamp::from_secs(row.last_seen);
        let known = SessionId::parse(&row.begun.id).and_then(|id| sessions.last_use(&id));
        let last_seen = known.map_or(stored, |known| known.max(stored));
        let ended_here = || SessionId::parse(&row.begun.id).is_some_and(|id| sessions.has_ended(&id));
        let standing = match &row.ended {
            Some(_) => "ended",
            None if ended_here() => "ended",
            None if now.as_secs() >= row.begun.expires => "expired",
            None if idle.is_some_and(|idle| now.since(last_seen) >= idle) => "idle",
            None => "live",
        };
        let time = |secs| Timestamp::from_secs(secs).to_string();
        let begun = row.begun;
        Self {
            id: begun.id,
            sign_in: begun.sign_in,
            issuer: begun.issuer,
            subject: begun.subject,
            tenant: Some(begun.tenant).filter(|tenant| !tenant.is_empty()),
            user: begun.user,
            name: Some(begun.display).filter(|name| !name.is_empty()),
            mfa: begun.mfa,
            created: time(begun.created),
            last_seen: time(last_seen.as_secs()),
            expires: time(begun.expires),
            refreshes: row.generation,
            standing,
            ended: row.ended.map(|ended| EndDetail { at: time(ended.at), why: ended.why }),
        }
    }
}

impl SessionDetail {
    /// Whether it goes on.
    pub(in crate::admin) fn is_live(&self) -> bool {
        self.standing == "live"
    }

    /// The same in words.
    pub(super) fn told(&self) -> String {
        let Self { id, sign_in, created, last_seen, expires, .. } = self;
        let times = format!("began {created}, last used {last_seen}, ends {expires} at the latest");
        let standing = match (&self.ended, self.standing) {
            (Some(ended), _) => format!("ended {} ({}); its evidence is erased", ended.at, ended.why),
            (None, "ended") => "ended here; the store has yet to hear of it".to_owned(),
            (None, "idle") => "not used for too long".to_owned(),
            (None, standing) => standing.to_owned(),
        };
        format!("session {id} of sign-in {sign_in}: {standing}; {times}")
    }
}

/// How long sessions of a sign-in may go unused, if the configuration still has it.
fn idle_time(live: &Live, sign_in: &str) -> Option<Duration> {
    let door = live.doors.iter().find(|door| door.sign_in.settings().name == sign_in)?;
    Some(door.sign_in.settings().times.idle)
}
