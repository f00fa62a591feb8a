//! What the status report counts of customers: the requests about each, by the partner that they came from.

use std::borrow::Cow;

use crate::error::StoreError;
use crate::rows::{PART, ROW, Rows, Upsert, Value, shortened};
use crate::store::Store;
use crate::sums::{Stretch, cover};
use crate::tallies::{SPANS, corrupt, first_day};
use crate::wanted::Wanted;

/// The columns of what is counted, in the order of [`CustomerRequests::counts`].
const COUNTS: [&str; 7] = ["with_mfa", "refused", "exempt", "report_only", "off", "app_only", "by_context"];

/// The requests about a customer that came from a partner: of a day, or of several days.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CustomerRequests {
    /// The day, in days since 1970 (UTC); 0 for several days.
    pub day: i64,
    /// The issuer.
    pub issuer: String,
    /// The customer's tenant; empty for those that are not told apart.
    pub customer: String,
    /// The partner's tenant; empty for applications, and where it isn't known.
    pub partner: String,
    /// Requests of users with MFA.
    pub with_mfa: i64,
    /// Requests of users without MFA that were refused.
    pub refused: i64,
    /// Those that an exception let pass.
    pub exempt: i64,
    /// Those that passed in report mode.
    pub report_only: i64,
    /// Those that passed because MFA was not required yet.
    pub off: i64,
    /// Requests of applications without a user.
    pub app_only: i64,
    /// Of all these, the ones that were refused because of the context or the delegation.
    pub by_context: i64,
}

impl CustomerRequests {
    pub(crate) const UPSERT: Upsert = Upsert {
        into: "mfa_customer (span, day, issuer, customer, partner, with_mfa, refused, exempt, report_only, off, app_only, \
               by_context)",
        conflict: "(span, day, issuer, customer, partner) DO UPDATE SET \
                   with_mfa = mfa_customer.with_mfa + excluded.with_mfa, \
                   refused = mfa_customer.refused + excluded.refused, exempt = mfa_customer.exempt + excluded.exempt, \
                   report_only = mfa_customer.report_only + excluded.report_only, off = mfa_customer.off + excluded.off, \
                   app_only = mfa_customer.app_only + excluded.app_only, \
                   by_context = mfa_customer.by_context + excluded.by_context",
    };

    fn counts(&self) -> [i64; 7] {
        let Self { with_mfa, refused, exempt, report_only, off, app_only, by_context, .. } = *self;
        [with_mfa, refused, exempt, report_only, off, app_only, by_context]
    }

    /// The rows of these, in which those of one customer and partner are one.
    pub(crate) fn rows(all: &[Self]) -> Rows<'_> {
        let mut rows = Rows::new();
        for one in all {
            for span in SPANS {
                let mut key = vec![Value::Number(span), Value::Number(first_day(one.day, span))];
                key.extend([&*one.issuer, &*one.customer, &*one.partner].map(Value::shortened));
                let sums = rows.entry(key).or_insert_with(|| vec![Value::Number(0); COUNTS.len()]);
                for (sum, count) in sums.iter_mut().zip(one.counts()) {
                    if let Value::Number(sum) = sum {
                        *sum = sum.saturating_add(count);
                    }
                }
            }
        }
        rows
    }

    fn read(row: &[&str]) -> Option<Self> {
        let [issuer, customer, partner, counts @ ..] = row else { return None };
        let counts: Vec<i64> = counts.iter().map(|count| count.parse().ok()).collect::<Option<_>>()?;
        let [with_mfa, refused, exempt, report_only, off, app_only, by_context] = *counts.as_slice() else {
            return None;
        };
        let [issuer, customer, partner] = [issuer, customer, partner].map(|text| (*text).to_owned());
        Some(Self {
            day: 0,
            issuer,
            customer,
            partner,
            with_mfa,
            refused,
            exempt,
            report_only,
            off,
            app_only,
            by_context,
        })
    }
}

impl Store {
    /// The requests about customers on the days that are wanted, of the issuer and of the customer that are wanted: that
    /// is the tenant. Applications, routes and users are not told apart.
    pub async fn customers(&self, wanted: &Wanted<'_>) -> Result<Vec<CustomerRequests>, StoreError> {
        let stretches = cover(wanted.from_day, wanted.to_day);
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = Vec::new();
        let parts: Vec<_> = stretches.iter().map(|stretch| part(*stretch, wanted, &mut values)).collect();
        let sums = COUNTS.map(|count| format!("SUM({count}) AS {count}")).join(", ");
        let text = format!(
            "SELECT {{joined}}(concat_ws('{PART}', issuer, customer, partner, {}), '{ROW}') FROM \
             (SELECT issuer, customer, partner, {sums} FROM ({}) AS parts GROUP BY issuer, customer, partner) AS sums",
            COUNTS.join(", "),
            parts.join(" UNION ALL ")
        );
        let joined = self.joined("customers", &text, values).await?;
        joined.rows().map(|row| CustomerRequests::read(&row).ok_or_else(corrupt)).collect()
    }
}

/// The statement that reads a stretch.
fn part<'w>(stretch: Stretch, wanted: &Wanted<'w>, values: &mut Vec<Value<'w>>) -> String {
    let mut conditions = vec![format!("span = {}", stretch.span)];
    for (condition, number) in [("day >=", stretch.first), ("day <=", stretch.last)] {
        values.push(Value::Number(number));
        conditions.push(format!("{condition} ${}", values.len()));
    }
    conditions.extend(wanted.conditions(&["issuer"], values));
    if let Some(tenant) = wanted.tenant {
        // Customers are written in lower case, tenants as their issuer writes them.
        let customer = shortened(&tenant.to_ascii_lowercase()).into_owned();
        values.push(Value::Text(Cow::Owned(customer)));
        conditions.push(format!("customer = ${}", values.len()));
    }
    let counts = COUNTS.join(", ");
    format!("SELECT issuer, customer, partner, {counts} FROM mfa_customer WHERE {}", conditions.join(" AND "))
}
