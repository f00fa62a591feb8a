//! What counts once, and what is past its time.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::changes::SLACK;
use crate::error::StoreError;
use crate::session::is_storable;
use crate::store::Store;

/// How many rows one call deletes, of each sort.
const AT_ONCE: i64 = 5000;

/// What a purge deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Sessions.
    pub sessions: u64,
    /// Things used once.
    pub used: u64,
    /// Revocations.
    pub revoked: u64,
    /// Whether there may be more.
    pub more: bool,
}

/// A key of any length and content as one that the store keeps.
pub(crate) fn hashed(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, key.as_bytes()))
}

impl Store {
    /// Whether this is the first use of `key` among those of its kind, on all replicas. It is remembered until `until`.
    ///
    /// # Errors
    ///
    /// After one, it may have been used up: what is to count once doesn't count.
    pub async fn use_once(&self, kind: &str, key: &str, until: i64) -> Result<bool, StoreError> {
        if !is_storable(kind) {
            return Err(StoreError::Invalid("the kind"));
        }
        let key = hashed(key);
        self.run("use_once", async {
            let text = "INSERT INTO mfa_used (kind, key, until) VALUES ($1, $2, $3) ON CONFLICT (kind, key) DO NOTHING";
            let mut lent = self.lend().await?;
            let result = sqlx::query(text).bind(kind).bind(key).bind(until).execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }

    /// Deletes sessions that expired, what was used once, and what was revoked, some minutes after their time. An ended session stays until
    /// it would have expired: its cookie may still be around.
    pub async fn purge(&self, now: i64) -> Result<Purged, StoreError> {
        const SESSIONS: &str = "DELETE FROM mfa_session WHERE id IN (SELECT id FROM mfa_session WHERE expires < $1 \
                                ORDER BY expires LIMIT $2 {free lock})";
        const USED: &str = "DELETE FROM mfa_used WHERE (kind, key) IN (SELECT kind, key FROM mfa_used WHERE until < $1 \
                            ORDER BY until LIMIT $2 {free lock})";
        const REVOKED: &str = "DELETE FROM mfa_revocation WHERE subject IN (SELECT subject FROM mfa_revocation \
                               WHERE until < $1 ORDER BY until LIMIT $2 {free lock})";
        let purged = self
            .run("purge", async {
                let mut counts = [0; 3];
                for (text, count) in [SESSIONS, USED, REVOKED].into_iter().zip(&mut counts) {
                    let mut lent = self.lend().await?;
                    let query = sqlx::query(self.dialect().sql(text)).bind(now.saturating_sub(SLACK)).bind(AT_ONCE);
                    let result = query.execute(lent.connection()?).await;
                    *count = lent.done(result)?.rows_affected();
                }
                let [sessions, used, revoked] = counts;
                let more = sessions.max(used).max(revoked) >= AT_ONCE.unsigned_abs();
                Ok(Purged { sessions, used, revoked, more })
            })
            .await?;
        self.metrics().purged(purged.sessions + purged.used + purged.revoked);
        Ok(purged)
    }
}
