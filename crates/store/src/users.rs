//! The users of the status report: how many of a user's requests came with MFA on a day, and the last that did not.

use std::collections::btree_map::Entry;
use std::fmt;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Rows, Upsert, Value};
use crate::store::Store;
use crate::tallies::corrupt;
use crate::wanted::Wanted;

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A user's requests with one kind of credential: of a day, or of several days.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserRequests {
    /// The day, in days since 1970 (UTC); of several days, that of the last request without MFA.
    pub day: i64,
    /// The kind of credential.
    pub credential: String,
    /// The issuer.
    pub issuer: String,
    /// The tenant.
    pub tenant: String,
    /// What names the user in the tenant.
    pub user: String,
    /// The user's name, for people.
    pub name: String,
    /// Requests with MFA. Of several days, they are not counted.
    pub with_mfa: i64,
    /// Requests without MFA that were refused.
    pub refused: i64,
    /// Those that an exception let pass.
    pub exempt: i64,
    /// Those that passed in report mode.
    pub report_only: i64,
    /// Those that passed because MFA was not required yet.
    pub off: i64,
    /// When the last one without MFA was, in milliseconds since 1970, on that day; 0 if there was none.
    pub last: i64,
    /// Its application.
    pub application: String,
    /// Its route.
    pub route: String,
    /// What the user is, beyond a person; empty for most.
    pub kind: String,
}

impl fmt::Debug for UserRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, credential, with_mfa, last, application, route, .. } = self;
        f.debug_struct("UserRequests")
            .field("day", day)
            .field("credential", credential)
            .field("with_mfa", with_mfa)
            .field("without_mfa", &self.without_mfa())
            .field("last", last)
            .field("application", application)
            .field("route", route)
            .finish_non_exhaustive()
    }
}

impl UserRequests {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_user (day, issuer, tenant, user_id, credential, name, with_mfa, refused, exempt, report_only, off, \
               last, application, route, kind)",
        conflict: "(day, issuer, tenant, user_id, credential) DO UPDATE SET \
                   name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE mfa_user.name END, \
                   with_mfa = mfa_user.with_mfa + excluded.with_mfa, refused = mfa_user.refused + excluded.refused, \
                   exempt = mfa_user.exempt + excluded.exempt, \
                   report_only = mfa_user.report_only + excluded.report_only, off = mfa_user.off + excluded.off, \
                   application = CASE WHEN excluded.last > 0 AND excluded.last >= mfa_user.last \
                   THEN excluded.application ELSE mfa_user.application END, \
                   route = CASE WHEN excluded.last > 0 AND excluded.last >= mfa_user.last \
                   THEN excluded.route ELSE mfa_user.route END, \
                   kind = CASE WHEN excluded.kind <> '' THEN excluded.kind ELSE mfa_user.kind END, \
                   last = CASE WHEN excluded.last >= mfa_user.last THEN excluded.last ELSE mfa_user.last END",
    };

    /// Those without MFA.
    #[must_use]
    pub fn without_mfa(&self) -> i64 {
        self.refused.saturating_add(self.exempt).saturating_add(self.report_only).saturating_add(self.off)
    }

    /// The rows of users, one for each and day, with the sums of the counts and the last request without MFA.
    pub(crate) fn rows(users: &[Self]) -> Rows<'_> {
        let mut rows = Rows::new();
        for one in users {
            let mut key = vec![Value::Number(one.day)];
            key.extend([&one.issuer, &one.tenant, &one.user, &one.credential].map(|text| Value::shortened(text)));
            let counts = [one.with_mfa, one.refused, one.exempt, one.report_only, one.off, one.last];
            let mut rest = vec![Value::shortened(&one.name)];
            rest.extend(counts.map(Value::Number));
            rest.extend([&one.application, &one.route, &one.kind].map(|text| Value::shortened(text)));
            match rows.entry(key) {
                Entry::Vacant(place) => _ = place.insert(rest),
                Entry::Occupied(mut place) => merge(place.get_mut(), rest),
            }
        }
        rows
    }

    /// Reads a row of all columns.
    fn read(row: &[&str]) -> Option<Self> {
        let [day, credential, issuer, tenant, user, name, counts @ .., application, route, kind] = row else {
            return None;
        };
        let [with_mfa, refused, exempt, report_only, off, last] = counts else { return None };
        Some(Self {
            day: day.parse().ok()?,
            credential: (*credential).to_owned(),
            issuer: (*issuer).to_owned(),
            tenant: (*tenant).to_owned(),
            user: (*user).to_owned(),
            name: (*name).to_owned(),
            with_mfa: with_mfa.parse().ok()?,
            refused: refused.parse().ok()?,
            exempt: exempt.parse().ok()?,
            report_only: report_only.parse().ok()?,
            off: off.parse().ok()?,
            last: last.parse().ok()?,
            application: (*application).to_owned(),
            route: (*route).to_owned(),
            kind: (*kind).to_owned(),
        })
    }
}

/// Adds another entry of the same user: of the last request without MFA, the later one stays.
fn merge<'a>(known: &mut [Value<'a>], other: Vec<Value<'a>>) {
    let last = |rest: &[Value<'a>]| if let Some(Value::Number(last)) = rest.get(6) { *last } else { 0 };
    let is_later = last(&other) > 0 && last(&other) >= last(known);
    for (at, (known, other)) in known.iter_mut().zip(other).enumerate() {
        match (at, known, other) {
            (0, known, Value::Text(name)) if !name.is_empty() => *known = Value::Text(name),
            (6, Value::Number(known), Value::Number(other)) => *known = (*known).max(other),
            (1..=5, Value::Number(known), Value::Number(other)) => *known = known.saturating_add(other),
            (9, known, Value::Text(kind)) if !kind.is_empty() => *known = Value::Text(kind),
            (7..=8, known, other) if is_later => *known = other,
            _ => {}
        }
    }
}

impl Store {
    /// The users who were seen without MFA, the last first, at most so many. Where an application or a route is wanted: those
    /// whose last request without MFA was its.
    pub async fn without_mfa(&self, wanted: &Wanted<'_>, most: u32) -> Result<Vec<UserRequests>, StoreError> {
        let mut values = vec![Value::Number(wanted.from_day), Value::Number(wanted.to_day)];
        let mut inner = vec!["last > 0 AND day >= $1 AND day <= $2".to_owned()];
        inner.extend(wanted.conditions(&["issuer", "tenant", "user_id"], &mut values));
        let outer = wanted.conditions(&["application", "route"], &mut values);
        let outer = [&[String::new()], &*outer].concat().join(" AND u.");
        values.push(Value::Number(most.into()));
        let (inner, newest) = (inner.join(" AND "), format!("ORDER BY last DESC LIMIT ${}", values.len()));
        // What the last request was may leave a user out.
        let first = if outer.is_empty() { &*newest } else { "" };
        // The day of the last request has the row that says what it was.
        let text = format!(
            "SELECT {{joined}}(concat_ws('{PART}', day, credential, issuer, tenant, user_id, name, 0, refused, exempt, \
             report_only, off, last, application, route, kind), '{ROW}') FROM (SELECT u.day, u.credential, u.issuer, u.tenant, \
             u.user_id, u.name, s.refused, s.exempt, s.report_only, s.off, s.last AS last, u.application, u.route, u.kind FROM \
             (SELECT credential, issuer, tenant, user_id, SUM(refused) AS refused, SUM(exempt) AS exempt, \
             SUM(report_only) AS report_only, SUM(off) AS off, MAX(last) AS last FROM mfa_user {{by user}} WHERE {inner} \
             GROUP BY issuer, tenant, user_id, credential {first}) AS s JOIN mfa_user AS u ON u.day = s.last / {DAY} AND \
             u.issuer = s.issuer AND u.tenant = s.tenant AND u.user_id = s.user_id AND u.credential = s.credential \
             {outer} {newest}) AS listed"
        );
        let mut users = self.users("without", &text, values).await?;
        let key = |one: &UserRequests| {
            (std::cmp::Reverse(one.last), one.issuer.clone(), one.tenant.clone(), one.user.clone())
        };
        users.sort_by_cached_key(key);
        Ok(users)
    }

    /// What users did on each day: for one user, or a few days.
    pub async fn user_days(&self, wanted: &Wanted<'_>) -> Result<Vec<UserRequests>, StoreError> {
        let mut values = vec![Value::Number(wanted.from_day), Value::Number(wanted.to_day)];
        let mut conditions = vec!["day >= $1 AND day <= $2".to_owned()];
        conditions.extend(wanted.conditions(&["issuer", "tenant", "user_id"], &mut values));
        let text = format!(
            "SELECT {{joined}}(concat_ws('{PART}', day, credential, issuer, tenant, user_id, name, with_mfa, refused, \
             exempt, report_only, off, last, application, route, kind), '{ROW}') FROM mfa_user WHERE {}",
            conditions.join(" AND ")
        );
        let mut days = self.users("users", &text, values).await?;
        days.sort_by_cached_key(|one| (one.day, one.issuer.clone(), one.tenant.clone(), one.user.clone()));
        Ok(days)
    }

    async fn users(
        &self,
        operation: &'static str,
        text: &str,
        values: Vec<Value<'_>>,
    ) -> Result<Vec<UserRequests>, StoreError> {
        let joined = self.joined(operation, text, values).await?;
        joined.rows().map(|row| UserRequests::read(&row).ok_or_else(corrupt)).collect()
    }
}
