//! The requests that the status report lists one by one.

use std::fmt;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Rows, Upsert, Value};
use crate::store::Store;
use crate::tallies::corrupt;
use crate::wanted::Wanted;

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
    /// The method.
    pub method: String,
    /// The route's template.
    pub route: String,
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
        into: "mfa_recent (replica, number, at, request_id, correlation_id, method, route, address, issuer, tenant, user_id, \
               name, application, credential, outcome, compliant)",
        // A number that is used again is another request's.
        conflict: "(replica, number) DO UPDATE SET at = excluded.at, request_id = excluded.request_id, \
                   correlation_id = excluded.correlation_id, method = excluded.method, route = excluded.route, \
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
            &self.method,
            &self.route,
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

    fn read(row: &[&str]) -> Option<Self> {
        let [replica, number, at, texts @ .., compliant] = row else { return None };
        let mut texts = texts.iter().map(|text| (*text).to_owned());
        let mut next = || texts.next();
        let read = Self {
            replica: (*replica).to_owned(),
            number: number.parse().ok()?,
            at: at.parse().ok()?,
            request_id: next()?,
            correlation_id: next()?,
            method: next()?,
            route: next()?,
            address: next()?,
            issuer: next()?,
            tenant: next()?,
            user: next()?,
            name: next()?,
            application: next()?,
            credential: next()?,
            outcome: next()?,
            compliant: *compliant != "0",
        };
        texts.next().is_none().then_some(read)
    }
}

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Store {
    /// The newest of the requests that are wanted, at most so many and [`MOST_RECENT`], newest first.
    pub async fn recent(&self, wanted: &Wanted<'_>, most: u32) -> Result<Vec<RecentRequest>, StoreError> {
        const COLUMNS: &str = "replica, number, at, request_id, correlation_id, method, route, address, issuer, tenant, \
                               user_id, name, application, credential, outcome, compliant";
        let first = wanted.from_day.saturating_mul(DAY);
        let end = wanted.to_day.saturating_add(1).saturating_mul(DAY);
        let mut values = vec![Value::Number(first), Value::Number(end)];
        let mut conditions = vec!["at >= $1 AND at < $2".to_owned()];
        let columns = ["issuer", "tenant", "application", "route", "user_id"];
        conditions.extend(wanted.conditions(&columns, &mut values));
        values.push(Value::Number(most.min(MOST_RECENT).into()));
        let text = format!(
            "SELECT {{joined}}(concat_ws('{PART}', {COLUMNS}), '{ROW}') FROM (SELECT {COLUMNS} FROM mfa_recent WHERE {} \
             ORDER BY at DESC, replica DESC, number DESC LIMIT ${}) AS listed",
            conditions.join(" AND "),
            values.len()
        );
        let joined = self.joined("recent", &text, values).await?;
        let requests: Option<Vec<_>> = joined.rows().map(|row| RecentRequest::read(&row)).collect();
        let mut requests = requests.ok_or_else(corrupt)?;
        requests
            .sort_by(|one, other| (other.at, &other.replica, other.number).cmp(&(one.at, &one.replica, one.number)));
        Ok(requests)
    }
}
