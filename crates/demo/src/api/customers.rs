//! The customers of the partner, as Partner Center lists them.

use serde_json::{Value, json};

use crate::tenants::Tenant;

/// All customers.
pub(super) fn list() -> Value {
    let customers: Vec<_> = Tenant::customers().map(customer).collect();
    collection(&customers)
}

/// One customer.
pub(super) fn customer(tenant: Tenant) -> Value {
    let Tenant { id, name, domain, .. } = tenant;
    json!({
        "id": id,
        "companyProfile": { "tenantId": id, "domain": domain, "companyName": name },
        "relationshipToPartner": "reseller",
        "attributes": { "objectType": "Customer" },
    })
}

/// The users of a customer.
pub(super) fn users(tenant: Tenant) -> Value {
    let user = |login: &str, name: &str| {
        json!({
            "userPrincipalName": format!("{login}@{}", tenant.domain),
            "displayName": name,
            "state": "active",
            "attributes": { "objectType": "CustomerUser" },
        })
    };
    collection(&[user("ada", "Ada Reyes"), user("omar", "Omar Lindqvist")])
}

fn collection(items: &[Value]) -> Value {
    json!({ "totalCount": items.len(), "items": items, "attributes": { "objectType": "Collection" } })
}
