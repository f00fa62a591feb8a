//! Ends of sessions.

use sqlx::{AnyConnection, Connection, Row as _};

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::listen;
use crate::session::{Ended, is_storable};
use crate::store::Store;

/// How many sessions one transaction ends: all of a large store at once would miss the deadline.
const AT_ONCE: u32 = 5000;

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one of this id.
    Id(&'a str),
    /// Those of this session of the issuer.
    Sid {
        /// The issuer.
        issuer: &'a str,
        /// Its `sid`.
        sid: &'a str,
    },
    /// Those of this session of a sign-in's issuer, whose `iss` isn't known: Entra's front-channel logout tells none.
    SidOf {
        /// The sign-in.
        sign_in: &'a str,
        /// The issuer's `sid`.
        sid: &'a str,
    },
    /// Those of this subject.
    Subject {
        /// The issuer.
        issuer: &'a str,
        /// Its `sub`.
        subject: &'a str,
    },
    /// Those of this session of the issuer, if it is this subject's.
    SidAndSubject {
        /// The issuer.
        issuer: &'a str,
        /// Its `sid`.
        sid: &'a str,
        /// Its `sub`.
        subject: &'a str,
    },
    /// Those of this user.
    User {
        /// The issuer.
        issuer: &'a str,
        /// The tenant; empty if the issuer has none.
        tenant: &'a str,
        /// The user in it.
        user: &'a str,
    },
    /// Every one.
    All,
}

impl<'a> Which<'a> {
    /// The condition on the parameters from `$4`. What is known as empty is no name, and matches nothing.
    fn condition(self) -> (&'static str, Vec<&'a str>) {
        match self {
            Self::Id(id) => ("id = $4", vec![id]),
            Self::Sid { issuer, sid } => ("issuer = $4 AND sid = $5 AND sid <> ''", vec![issuer, sid]),
            Self::SidOf { sign_in, sid } => ("sign_in = $4 AND sid = $5 AND sid <> ''", vec![sign_in, sid]),
            Self::Subject { issuer, subject } => {
                ("issuer = $4 AND subject = $5 AND subject <> ''", vec![issuer, subject])
            }
            Self::SidAndSubject { issuer, sid, subject } => (
                "issuer = $4 AND sid = $5 AND sid <> '' AND subject = $6 AND subject <> ''",
                vec![issuer, sid, subject],
            ),
            Self::User { issuer, tenant, user } => {
                ("issuer = $4 AND tenant = $5 AND user_id = $6 AND user_id <> ''", vec![issuer, tenant, user])
            }
            Self::All => ("1 = 1", Vec::new()),
        }
    }
}

impl Store {
    /// Ends sessions, erases their secrets, and returns the ids of those that lived until now. When it returns, the ends
    /// are on the disk.
    ///
    /// # Errors
    ///
    /// Some may have ended before a failure; ending them again is no error.
    pub async fn end(&self, which: Which<'_>, end: &Ended) -> Result<Vec<String>, StoreError> {
        let (condition, values) = which.condition();
        if !values.iter().all(|value| is_storable(value)) {
            return Ok(Vec::new());
        }
        let text = format!(
            "UPDATE mfa_session SET ended = $1, why = $2, secret = CAST('' AS {{blob}}), evidence = CAST('' AS {{blob}}), \
             changed = {{now}} WHERE id IN \
             (SELECT id FROM mfa_session WHERE {condition} AND ended = 0 ORDER BY id LIMIT $3 {{ordered lock}}) \
             RETURNING id"
        );
        let mut all = Vec::new();
        loop {
            let some = self
                .run("end", async {
                    let mut lent = self.lend().await?;
                    let result = end_some(lent.connection()?, self.dialect(), &text, &values, end).await;
                    lent.done(result)
                })
                .await?;
            let is_last = some.len() < AT_ONCE as usize;
            all.extend(some);
            if is_last {
                return Ok(all);
            }
        }
    }
}

async fn end_some(
    connection: &mut AnyConnection,
    dialect: Dialect,
    text: &str,
    values: &[&str],
    end: &Ended,
) -> Result<Vec<String>, StoreError> {
    let mut transaction = connection.begin().await?;
    let mut query = sqlx::query(dialect.built(text)).bind(end.stored_at()).bind(&end.why).bind(i64::from(AT_ONCE));
    for value in values {
        query = query.bind(*value);
    }
    let rows = query.fetch_all(&mut *transaction).await?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
    if !ids.is_empty() {
        listen::tell(&mut transaction, dialect).await?;
    }
    transaction.commit().await?;
    Ok(ids)
}
