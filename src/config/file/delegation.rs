//! Acting on behalf of customers.

use schemars::JsonSchema;
use serde::Deserialize;

/// A delegation: a customer lets a partner's users act in its tenant, with some roles, for some time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Delegation {
    /// The partner's tenant, where its users are at home: a tenant's id.
    pub partner: String,
    /// The customer's tenant: a tenant's id.
    pub customer: String,
    /// The roles that count for this customer, of those that a route asks for. An empty list: none.
    pub roles: Vec<String>,
    /// The time when it begins, as RFC 3339: `2027-01-31T00:00:00Z`.
    pub from: String,
    /// The time when it ends, as RFC 3339. At most 730 days after `from`.
    pub until: String,
}

/// The tenant that a caller has to be signed in to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Context {
    /// A partner's own, as a member of it.
    Partner,
    /// The customer's whom the path names, as a user of a partner with a delegation.
    Customer,
}
