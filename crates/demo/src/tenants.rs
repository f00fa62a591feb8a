//! The tenants that tokens are of, and the applications that are consented to in them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::people::{CONTOSO, FABRIKAM, NIGHTLY_CLIENT_ID, PORTAL_CLIENT_ID, WINGTIP};

/// Adatum's tenant, a customer of Contoso: Entra asks for MFA there.
pub const ADATUM: &str = "0c39d6d5-c70d-4c55-bc02-f620844f3fd1";

/// The tenant of Alpine Ski House, a customer of Contoso: its own identity provider performs MFA.
pub const ALPINE_SKI_HOUSE: &str = "4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04";

/// The tenant of Trey Research, a customer of Contoso: it trusts the MFA of its partner.
pub const TREY_RESEARCH: &str = "b44bb1fb-c595-45b0-9e08-d657365580f8";

/// A tenant that people can sign in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's id, `tid` in tokens.
    pub id: &'static str,
    /// The company's name.
    pub name: &'static str,
    /// Its first domain.
    pub domain: &'static str,
    /// What counts as MFA there.
    pub mfa: TenantMfa,
    /// Whether it is a customer of Contoso.
    pub customer: bool,
}

/// What counts as MFA in a tenant, for somebody of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantMfa {
    /// MFA that was done there, when an application asked for it.
    Asked,
    /// MFA at the identity provider of the tenant's company, which asks at each sign-in.
    Federated,
    /// MFA in the home tenant too.
    Trusted,
}

const ALL: [Tenant; 6] = [
    own(CONTOSO, "Contoso", "contoso.example"),
    own(WINGTIP, "Wingtip", "wingtip.example"),
    own(FABRIKAM, "Fabrikam", "fabrikam.example"),
    customer(ADATUM, "Adatum", "adatum.example", TenantMfa::Asked),
    customer(ALPINE_SKI_HOUSE, "Alpine Ski House", "alpineskihouse.example", TenantMfa::Federated),
    customer(TREY_RESEARCH, "Trey Research", "treyresearch.example", TenantMfa::Trusted),
];

const fn own(id: &'static str, name: &'static str, domain: &'static str) -> Tenant {
    Tenant { id, name, domain, mfa: TenantMfa::Asked, customer: false }
}

const fn customer(id: &'static str, name: &'static str, domain: &'static str, mfa: TenantMfa) -> Tenant {
    Tenant { id, name, domain, mfa, customer: true }
}

impl Tenant {
    /// The tenant with this id or domain.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        ALL.into_iter().find(|tenant| tenant.id.eq_ignore_ascii_case(name) || tenant.domain == name)
    }

    /// The customers of Contoso.
    pub fn customers() -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(|tenant| tenant.customer)
    }

    /// Whether somebody of this home tenant, with MFA in these tenants, has done MFA here.
    #[must_use]
    pub fn counts(&self, home: &str, mfa_in: &[String]) -> bool {
        mfa_in.iter().any(|tenant| tenant == self.id || self.mfa == TenantMfa::Trusted && tenant == home)
    }
}

/// Which applications are consented to in the customers' tenants. In their own tenants, all are.
#[derive(Debug)]
pub struct Consents(Mutex<BTreeSet<(String, String)>>);

impl Default for Consents {
    /// The portal with all of them, and the nightly program with Adatum and Trey Research.
    fn default() -> Self {
        let portal = Tenant::customers().map(|tenant| (tenant.id, PORTAL_CLIENT_ID));
        let given = portal.chain([ADATUM, TREY_RESEARCH].map(|tenant| (tenant, NIGHTLY_CLIENT_ID)));
        Self(Mutex::new(given.map(|(tenant, client)| (tenant.to_owned(), client.to_owned())).collect()))
    }
}

impl Consents {
    /// Whether an application is consented to in this tenant.
    #[must_use]
    pub fn has(&self, tenant: Tenant, client_id: &str) -> bool {
        !tenant.customer || self.given().contains(&(tenant.id.to_owned(), client_id.to_owned()))
    }

    /// Consents to an application, and returns whether it is new.
    pub fn give(&self, tenant: Tenant, client_id: &str) -> bool {
        self.given().insert((tenant.id.to_owned(), client_id.to_owned()))
    }

    /// Takes a consent back, and returns whether there was one.
    pub fn take(&self, tenant: Tenant, client_id: &str) -> bool {
        self.given().remove(&(tenant.id.to_owned(), client_id.to_owned()))
    }

    fn given(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_an_id_and_a_domain() {
        for tenant in ALL {
            assert_eq!(Tenant::find(tenant.id), Tenant::find(tenant.domain));
        }
        assert_eq!(Tenant::find("common"), None);
        assert_eq!(Tenant::customers().count(), 3);
    }

    #[test]
    fn mfa_counts_where_it_was_done_and_where_it_is_trusted() {
        let counts = |id, mfa_in: &str| Tenant::find(id).unwrap().counts(CONTOSO, &[mfa_in.to_owned()]);
        assert!(counts(CONTOSO, CONTOSO) && counts(ADATUM, ADATUM) && counts(TREY_RESEARCH, CONTOSO));
        assert!(!counts(ADATUM, CONTOSO) && !counts(CONTOSO, ADATUM) && !counts(TREY_RESEARCH, ADATUM));
    }

    #[test]
    fn a_consent_is_given_once_and_taken_back() {
        let (consents, alpine) = (Consents::default(), Tenant::find(ALPINE_SKI_HOUSE).unwrap());
        assert!(consents.has(Tenant::find(ADATUM).unwrap(), NIGHTLY_CLIENT_ID));
        assert!(!consents.has(alpine, NIGHTLY_CLIENT_ID));
        assert_eq!([consents.give(alpine, NIGHTLY_CLIENT_ID), consents.give(alpine, NIGHTLY_CLIENT_ID)], [true, false]);
        assert_eq!([consents.take(alpine, NIGHTLY_CLIENT_ID), consents.take(alpine, NIGHTLY_CLIENT_ID)], [true, false]);
        assert!(consents.has(Tenant::find(CONTOSO).unwrap(), NIGHTLY_CLIENT_ID));
    }
}
