//! The requests that the status report lists one by one.

use std::fmt;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::rows::{Rows, Upsert, Value, shortened};
use crate::store::Store;

/// The most requests in a list.
pub const MOST_RECENT: u32 = 10_000;

/// A request as the status report lists it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecentRequest {
    /// The replica that had it.
    pub replica: String,
    /// Its number there.
    pub number: i64,
    /// When it was, in milliseconds since 1970.
    pub at: i64,
    /// Its id.
    pub request_id: String,
    /// The id that its client gave to what it belongs to.
    pub correlation_id: String,
    /// The method and the route's template.
    pub operation: String,
    /// The client's address.
    pub address: String,
    /// The issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant: String,
    /// What names the user in the tenant.
    pub user: String,
    /// The user's name, for people.
    pub name: String,
    /// The application.
    pub application: String,
    /// The kind of credential.
    pub credential: String,
    /// What became of it.
    pub outcome: String,
    /// Whether MFA was proven.
    pub compliant: bool,
}

impl fmt::Debug for RecentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replica, number, at, outcome, compliant, .. } = self;
        f.debug_struct("RecentRequest")
            .field("replica", replica)
            .field("number", number)
            .field("at", at)
            .field("outcome", outcome)
            .field("compliant", compliant)
            .finish_non_exhaustive()
    }
}

impl RecentRequest {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_recent (replica, number, at, request_id, correlation_id, operation, address, issuer, tenant, user_id, \
               name, application, credential, outcome, compliant)",
        // A number that is used again is another request's.
        conflict: "(replica, number) DO UPDATE SET at = excluded.at, request_id = excluded.request_id, \
                   correlation_id = excluded.correlation_id, operation = excluded.operation, \
                   address = excluded.address, issuer = excluded.issuer, tenant = excluded.tenant, \
                   user_id = excluded.user_id, name = excluded.name, application = excluded.application, \
                   credential = excluded.credential, outcome = excluded.outcome, compliant = excluded.compliant",
    };

    /// The rows of requests, the last of each number.
    pub(crate) fn rows(recent: &[Self]) -> Rows<'_> {
        recent.iter().map(Self::row).collect()
    }

    fn row(&self) -> (Vec<Value<'_>>, Vec<Value<'_>>) {
        let texts = [
            &self.request_id,
            &self.correlation_id,
            &self.operation,
            &self.address,
            &self.issuer,
            &self.tenant,
            &self.user,
            &self.name,
            &self.application,
            &self.credential,
            &self.outcome,
        ];
        let mut rest = vec![Value::Number(self.at)];
        rest.extend(texts.map(|text| Value::shortened(text)));
        rest.push(Value::Number(i64::from(self.compliant)));
        (vec![Value::shortened(&self.replica), Value::Number(self.number)], rest)
    }

    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            replica: row.try_get(0)?,
            number: row.try_get(1)?,
            at: row.try_get(2)?,
            request_id: row.try_get(3)?,
            correlation_id: row.try_get(4)?,
            operation: row.try_get(5)?,
            address: row.try_get(6)?,
            issuer: row.try_get(7)?,
            tenant: row.try_get(8)?,
            user: row.try_get(9)?,
            name: row.try_get(10)?,
            application: row.try_get(11)?,
            credential: row.try_get(12)?,
            outcome: row.try_get(13)?,
            compliant: row.try_get::<i64, _>(14)? != 0,
        })
    }
}

impl Store {
    /// The newest requests of a tenant, or of all, at most so many and [`MOST_RECENT`], newest first.
    pub async fn recent(&self, tenant: Option<&str>, most: u32) -> Result<Vec<RecentRequest>, StoreError> {
        const COLUMNS: &str = "replica, number, at, request_id, correlation_id, operation, address, issuer, tenant, \
                               user_id, name, application, credential, outcome, compliant";
        let condition = if tenant.is_some() { "WHERE tenant = $2" } else { "" };
        let text = format!(
            "SELECT {COLUMNS} FROM mfa_recent {condition} ORDER BY at DESC, replica DESC, number DESC LIMIT $1"
        );
        self.run("recent", async {
            let mut query = sqlx::query(self.dialect().built(&text)).bind(i64::from(most.min(MOST_RECENT)));
            if let Some(tenant) = tenant {
                query = query.bind(shortened(tenant).into_owned());
            }
            let mut lent = self.lend().await?;
            let rows = query.fetch_all(lent.connection()?).await;
            Ok(lent.done(rows)?.iter().map(RecentRequest::from_row).collect::<Result<_, _>>()?)
        })
        .await
    }
}
