//! Consents: given by a person, renewed at each use by one replica at a time, withdrawn for good.
//!
//! Everything that changes a refresh token names the generation that it is about. So a replica that lost a race, or was
//! told by the issuer that its older token no longer counts, changes nothing of the token that another has stored since.

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Row as _};

use crate::consent::{COLUMNS, Consent};
use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::error::StoreError;
use crate::listen;
use crate::session::is_storable;
use crate::store::Store;

/// The longest list.
const LONGEST: u32 = 1000;

/// The result of asking for the right to use a consent's refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentLease {
    /// It is the holder's, for the time asked for.
    Granted {
        /// Whether an earlier holder neither renewed it nor gave it back: the issuer may have seen this token before.
        abandoned: bool,
    },
    /// Another holder has it.
    Held,
    /// The refresh token was replaced in the meantime, to this generation.
    Renewed(i64),
    /// There is no such consent, or it was withdrawn.
    Gone,
}

/// What a use of a refresh token brought.
#[derive(Clone, Copy, Debug)]
pub struct ConsentRenewal<'a> {
    /// The consent.
    pub id: &'a str,
    /// The generation whose token was used.
    pub generation: i64,
    /// The next refresh token.
    pub envelope: &'a Envelope,
    /// Whether the tokens have MFA.
    pub mfa: bool,
    /// The state from now on.
    pub state: &'a str,
    /// When.
    pub at: i64,
}

/// What is found out about a consent without a new refresh token.
#[derive(Clone, Copy, Debug)]
pub struct ConsentMark<'a> {
    /// The consent.
    pub id: &'a str,
    /// The generation that it is about.
    pub generation: i64,
    /// The state from now on.
    pub state: &'a str,
    /// Why: the issuer's code.
    pub why: &'a str,
    /// What a new consent must ask for, as the issuer says; empty if it doesn't.
    pub challenge: &'a str,
    /// When.
    pub at: i64,
}

impl Store {
    /// Stores a consent in the place of an older one of its id, and returns its generation.
    pub async fn give_consent(&self, consent: &Consent) -> Result<i64, StoreError> {
        consent.check()?;
        self.run("give_consent", async {
            let mut lent = self.lend().await?;
            let result = give(lent.connection()?, self.dialect(), consent).await;
            lent.done(result)
        })
        .await
    }

    /// A consent with its refresh token.
    pub async fn consent(&self, id: &str) -> Result<Option<Consent>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        self.run("consent", async {
            let mut lent = self.lend().await?;
            let text = format!("SELECT {COLUMNS} FROM mfa_consent WHERE id = $1");
            let row = sqlx::query(self.dialect().built(&text)).bind(id).fetch_optional(lent.connection()?).await;
            Ok(lent.done(row)?.map(|row| Consent::from_row(&row)).transpose()?)
        })
        .await
    }

    /// Consents by id, those after `after`, without their secrets; at most 1,000.
    pub async fn consents(&self, after: &str, most: u32) -> Result<Vec<Consent>, StoreError> {
        if !is_storable(after) {
            return Err(StoreError::Invalid("the id"));
        }
        let columns = COLUMNS.replace("secret", "substr(secret, 1, 0)");
        let text = format!("SELECT {columns} FROM mfa_consent WHERE id > $1 ORDER BY id LIMIT $2");
        self.run("consents", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().built(&text)).bind(after).bind(i64::from(most.min(LONGEST)));
            let rows = query.fetch_all(lent.connection()?).await;
            let consents: Result<_, sqlx::Error> = lent.done(rows)?.iter().map(Consent::from_row).collect();
            Ok(consents?)
        })
        .await
    }

    /// Asks for the right to use the refresh token of this generation. It ends by itself after `time`, by the database's
    /// clock, and with the renewal. Its holder may ask again.
    pub async fn lease_consent(
        &self,
        id: &str,
        holder: &str,
        generation: i64,
        time: Duration,
    ) -> Result<ConsentLease, StoreError> {
        if !is_storable(id) || !is_storable(holder) || holder.is_empty() {
            return Ok(ConsentLease::Gone);
        }
        self.run("lease_consent", async {
            let mut lent = self.lend().await?;
            let result = lease(lent.connection()?, self.dialect(), (id, holder, generation), time).await;
            lent.done(result)
        })
        .await
    }

    /// Gives the right back, if the holder has it. Not after a request whose answer never came: the issuer may have
    /// replaced the token.
    pub async fn release_consent(&self, id: &str, holder: &str) -> Result<(), StoreError> {
        const TEXT: &str =
            "UPDATE mfa_consent SET lease_holder = '', lease_until = 0 WHERE id = $1 AND lease_holder = $2";
        if !is_storable(id) || !is_storable(holder) {
            return Ok(());
        }
        self.run("release_consent", async {
            let mut lent = self.lend().await?;
            let result = sqlx::query(TEXT).bind(id).bind(holder).execute(lent.connection()?).await;
            lent.done(result.map(|_| ()))
        })
        .await
    }

    /// Stores the next refresh token. False if the consent was withdrawn, or another token has taken the place of the one
    /// that was used. A repetition after a failure whose change was made is true as well.
    pub async fn renew_consent(&self, renewal: &ConsentRenewal<'_>) -> Result<bool, StoreError> {
        if !is_storable(renewal.id) || !is_storable(renewal.state) {
            return Ok(false);
        }
        self.run("renew_consent", async {
            let mut lent = self.lend().await?;
            let result = renew(lent.connection()?, self.dialect(), renewal).await;
            lent.done(result)
        })
        .await
    }

    /// Notes what was found out about the refresh token of a generation, and whether it still is that one.
    pub async fn mark_consent(&self, mark: &ConsentMark<'_>) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_consent SET state = $1, why = $2, challenge = $3, \
                            state_at = CASE WHEN state = $1 THEN state_at ELSE $4 END, changed = {now} \
                            WHERE id = $5 AND generation = $6 AND secret <> $7";
        let ConsentMark { id, generation, state, why, challenge, at } = *mark;
        if ![id, state, why, challenge].into_iter().all(is_storable) {
            return Err(StoreError::Invalid("the state"));
        }
        self.run("mark_consent", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().sql(TEXT)).bind(state).bind(why).bind(challenge);
            let query = query.bind(at).bind(id).bind(generation).bind(Vec::new());
            let result = query.execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }

    /// Erases a consent's refresh token, and keeps the rest to show. False if there is none.
    pub async fn withdraw_consent(&self, id: &str, state: &str, why: &str, at: i64) -> Result<bool, StoreError> {
        const TEXT: &str = "UPDATE mfa_consent SET data_key = $1, secret = $1, state = $2, why = $3, state_at = $4, \
                            lease_holder = '', lease_until = 0, changed = {now} WHERE id = $5 AND secret <> $1";
        if ![id, state, why].into_iter().all(is_storable) {
            return Ok(false);
        }
        self.run("withdraw_consent", async {
            let mut lent = self.lend().await?;
            let query = sqlx::query(self.dialect().sql(TEXT)).bind(Vec::new()).bind(state).bind(why).bind(at).bind(id);
            let result = query.execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }

    /// Puts another seal in the place of the one that a consent's own key has. False if it has another by now.
    pub async fn rewrap_consent(&self, id: &str, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
        if !is_storable(id) || old.is_empty() {
            return Ok(false);
        }
        self.run("rewrap_consent", async {
            let text = "UPDATE mfa_consent SET data_key = $1 WHERE id = $2 AND data_key = $3";
            let mut lent = self.lend().await?;
            let result = sqlx::query(text).bind(new).bind(id).bind(old).execute(lent.connection()?).await;
            Ok(lent.done(result)?.rows_affected() > 0)
        })
        .await
    }
}

async fn give(connection: &mut AnyConnection, dialect: Dialect, consent: &Consent) -> Result<i64, StoreError> {
    const TEXT: &str = "INSERT INTO mfa_consent (id, issuer, tenant, application, user_id, display, given, given_by, \
                        renewed, used, mfa, state, why, state_at, data_key, secret, generation, lease_holder, \
                        lease_until, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                        $16, 0, '', 0, {now}) ON CONFLICT (id) DO UPDATE SET issuer = excluded.issuer, \
                        tenant = excluded.tenant, application = excluded.application, user_id = excluded.user_id, \
                        display = excluded.display, given = excluded.given, given_by = excluded.given_by, \
                        renewed = excluded.renewed, used = excluded.used, mfa = excluded.mfa, state = excluded.state, \
                        why = excluded.why, state_at = excluded.state_at, data_key = excluded.data_key, \
                        secret = excluded.secret, generation = mfa_consent.generation + 1, challenge = '', \
                        lease_holder = '', lease_until = 0, changed = excluded.changed RETURNING generation";
    let Consent { id, issuer, tenant, application, user, display, given_by, state, why, .. } = consent;
    let mut transaction = connection.begin().await?;
    let query = [id, issuer, tenant, application, user, display].into_iter();
    let query = query.fold(sqlx::query(dialect.sql(TEXT)), sqlx::query::Query::bind).bind(consent.given).bind(given_by);
    let query = query.bind(consent.renewed).bind(consent.used).bind(i64::from(consent.mfa));
    let query = query.bind(state).bind(why).bind(consent.state_at);
    let query = query.bind(&*consent.envelope.data_key).bind(&*consent.envelope.secret);
    let generation = query.fetch_one(&mut *transaction).await?.try_get(0)?;
    listen::tell(&mut transaction, dialect).await?;
    transaction.commit().await?;
    Ok(generation)
}

async fn lease(
    connection: &mut AnyConnection,
    dialect: Dialect,
    (id, holder, generation): (&str, &str, i64),
    time: Duration,
) -> Result<ConsentLease, StoreError> {
    // An earlier holder stays in the column until it gives the right back or renews.
    const TAKE: &str = "UPDATE mfa_consent SET lease_until = {now} + $1, \
                        lease_holder = CASE WHEN lease_holder IN ('', $2) THEN $2 ELSE '?' || $2 END \
                        WHERE id = $3 AND generation = $4 AND secret <> $5 \
                        AND (lease_until <= {now} OR lease_holder = $2 OR lease_holder = '?' || $2) \
                        RETURNING lease_holder";
    const FIND: &str = "SELECT generation FROM mfa_consent WHERE id = $1 AND secret <> $2";
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
    let take = sqlx::query(dialect.sql(TAKE)).bind(millis).bind(holder).bind(id).bind(generation).bind(Vec::new());
    if let Some(row) = take.fetch_optional(&mut *connection).await? {
        let holder: String = row.try_get(0)?;
        return Ok(ConsentLease::Granted { abandoned: holder.starts_with('?') });
    }
    let row = sqlx::query(FIND).bind(id).bind(Vec::new()).fetch_optional(connection).await?;
    Ok(match row.map(|row| row.try_get::<i64, _>(0)).transpose()? {
        None => ConsentLease::Gone,
        Some(now) if now == generation => ConsentLease::Held,
        Some(now) => ConsentLease::Renewed(now),
    })
}

async fn renew(connection: &mut AnyConnection, dialect: Dialect, new: &ConsentRenewal<'_>) -> Result<bool, StoreError> {
    const SWAP: &str = "UPDATE mfa_consent SET data_key = $1, secret = $2, mfa = $3, renewed = $4, used = $4, \
                        state_at = CASE WHEN state = $5 THEN state_at ELSE $4 END, state = $5, why = '', challenge = '', \
                        generation = generation + 1, lease_holder = '', lease_until = 0, changed = {now} \
                        WHERE id = $6 AND generation = $7 AND secret <> $8";
    const FIND: &str = "SELECT 1 FROM mfa_consent WHERE id = $1 AND generation = $2 + 1 AND secret = $3";
    let ConsentRenewal { id, generation, envelope, mfa, state, at } = *new;
    let mut transaction = connection.begin().await?;
    let swap = sqlx::query(dialect.sql(SWAP)).bind(&*envelope.data_key).bind(&*envelope.secret).bind(i64::from(mfa));
    let swap = swap.bind(at).bind(state).bind(id).bind(generation).bind(Vec::new());
    if swap.execute(&mut *transaction).await?.rows_affected() == 0 {
        transaction.rollback().await?;
        let query = sqlx::query(FIND).bind(id).bind(generation).bind(&*envelope.secret);
        return Ok(query.fetch_optional(connection).await?.is_some());
    }
    listen::tell(&mut transaction, dialect).await?;
    transaction.commit().await?;
    Ok(true)
}
