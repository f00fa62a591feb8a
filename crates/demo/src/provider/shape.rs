//! The manners of identity providers that this one can take on, by the path it is asked at.

use crate::people::Person;
use crate::tenants::Tenant;

/// A manner and a tenant, with the addresses and claims that belong to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The manner.
    pub(crate) manner: Manner,
    /// The tenant that the path names; without one, everybody signs in to their own.
    pub(crate) tenant: Option<Tenant>,
}

/// The manner of an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// OpenID Connect by the book, at the root; for a tenant at `/{tenant}/…`, with the same issuer.
    Generic,
    /// Entra's v1 endpoint, at `/{tenant}/oauth2/…`: an issuer per tenant, `amr_values`, `amr` in ID tokens.
    V1,
    /// Entra's v2 endpoint, at `/{tenant}/oauth2/v2.0/…`: an issuer per tenant, no `amr_values` and no `amr`.
    V2,
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Discovery,
    Keys,
    Authorize,
    Token,
    Pushed,
    EndSession,
}

/// What stands in for a tenant in the issuer that discovery of a common endpoint names.
const TENANT: &str = "{tenantid}";

/// What stands in for a tenant in a path.
const COMMON: [&str; 2] = ["common", "organizations"];

const GENERIC: [(Endpoint, &str); 6] = [
    (Endpoint::Discovery, ".well-known/openid-configuration"),
    (Endpoint::Keys, "keys"),
    (Endpoint::Authorize, "authorize"),
    (Endpoint::Token, "token"),
    (Endpoint::Pushed, "par"),
    (Endpoint::EndSession, "logout"),
];

const V1: [(Endpoint, &str); 5] = [
    (Endpoint::Discovery, ".well-known/openid-configuration"),
    (Endpoint::Keys, "discovery/keys"),
    (Endpoint::Authorize, "oauth2/authorize"),
    (Endpoint::Token, "oauth2/token"),
    (Endpoint::EndSession, "oauth2/logout"),
];

const V2: [(Endpoint, &str); 5] = [
    (Endpoint::Discovery, "v2.0/.well-known/openid-configuration"),
    (Endpoint::Keys, "discovery/v2.0/keys"),
    (Endpoint::Authorize, "oauth2/v2.0/authorize"),
    (Endpoint::Token, "oauth2/v2.0/token"),
    (Endpoint::EndSession, "oauth2/v2.0/logout"),
];

impl Manner {
    const ALL: [Self; 3] = [Self::V1, Self::V2, Self::Generic];

    fn paths(self) -> &'static [(Endpoint, &'static str)] {
        match self {
            Self::Generic => &GENERIC,
            Self::V1 => &V1,
            Self::V2 => &V2,
        }
    }

    /// The endpoint at this path, below the tenant's name if there is one.
    fn endpoint(self, path: &str, tenant: Option<Tenant>) -> Option<Endpoint> {
        let found = self.paths().iter().find(|(_, known)| *known == path).map(|(endpoint, _)| *endpoint);
        found.filter(|endpoint| self != Self::Generic || tenant.is_none() || of_tenants(*endpoint))
    }
}

/// Whether the endpoints by the book have this one per tenant.
fn of_tenants(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Authorize | Endpoint::Token)
}

impl Shape {
    /// OpenID Connect by the book, in everybody's own tenant.
    pub(crate) const GENERIC: Self = Self { manner: Manner::Generic, tenant: None };

    /// The manner and the endpoint that a path belongs to.
    pub(crate) fn at(path: &str) -> Option<(Self, Endpoint)> {
        let path = path.strip_prefix('/')?;
        if let Some(endpoint) = Manner::Generic.endpoint(path, None) {
            return Some((Self::GENERIC, endpoint));
        }
        let (name, rest) = path.split_once('/')?;
        let tenant = Tenant::find(name);
        let known = tenant.is_some() || COMMON.contains(&name);
        let manners =
            Manner::ALL.into_iter().filter(|manner| known && (tenant.is_some() || *manner != Manner::Generic));
        let mut found = manners.filter_map(|manner| Some((Self { manner, tenant }, manner.endpoint(rest, tenant)?)));
        found.next()
    }

    /// The address of an endpoint, if this manner has it.
    pub(crate) fn address(self, base: &str, endpoint: Endpoint) -> Option<String> {
        let (_, path) = self.manner.paths().iter().find(|(known, _)| *known == endpoint)?;
        let [common, _] = COMMON;
        let folder = match (self.manner, self.tenant) {
            (Manner::Generic, Some(tenant)) if of_tenants(endpoint) => tenant.id,
            (Manner::Generic, _) => return Some(format!("{base}{path}")),
            (_, tenant) => tenant.map_or(common, |tenant| tenant.id),
        };
        Some(format!("{base}{folder}/{path}"))
    }

    /// The issuer that discovery names.
    pub(crate) fn issuer(self, base: &str) -> String {
        self.issuer_of(base, self.tenant.map_or(TENANT, |tenant| tenant.id))
    }

    /// The issuer of this person's tokens.
    pub(crate) fn issuer_for(self, base: &str, person: &Person) -> String {
        self.issuer_of(base, self.tenant_of(person))
    }

    /// The tenant that this person signs in to.
    pub(crate) fn tenant_of(self, person: &Person) -> &str {
        self.tenant.map_or(&person.tenant_id, |tenant| tenant.id)
    }

    fn issuer_of(self, base: &str, tenant: &str) -> String {
        match self.manner {
            Manner::Generic => base.to_owned(),
            Manner::V1 => format!("{base}{tenant}/"),
            Manner::V2 => format!("{base}{tenant}/v2.0"),
        }
    }

    /// Whether authorization responses name the issuer (RFC 9207); Entra's don't.
    pub(crate) fn names_itself(self) -> bool {
        self.manner == Manner::Generic
    }

    /// Whether errors are in Entra's form: wherever there are tenants.
    pub(crate) fn has_numbers(self) -> bool {
        self != Self::GENERIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{CONTOSO, jane};
    use crate::tenants::ADATUM;

    #[test]
    fn every_address_leads_back_to_its_endpoint() {
        for tenant in [None, Tenant::find(ADATUM)] {
            for manner in Manner::ALL {
                let shape = Shape { manner, tenant };
                for (endpoint, _) in manner.paths() {
                    let address = shape.address("http://h/", *endpoint).unwrap();
                    let found = Shape::at(address.strip_prefix("http://h").unwrap()).unwrap();
                    let by_the_book = manner == Manner::Generic && !of_tenants(*endpoint);
                    assert_eq!(found, (if by_the_book { Shape::GENERIC } else { shape }, *endpoint));
                }
            }
        }
        let v1 = Shape { manner: Manner::V1, tenant: None };
        assert_eq!(v1.address("http://h/", Endpoint::Pushed), None);
        assert_eq!([Shape::at("/nobody/token"), Shape::at("/common/token"), Shape::at("/")], [None; 3]);
        assert_eq!(Shape::at("/adatum.example/oauth2/token").unwrap().0.tenant, Tenant::find(ADATUM));
    }

    #[test]
    fn the_issuer_depends_on_the_tenant() {
        let v2 = |tenant| Shape { manner: Manner::V2, tenant };
        assert_eq!(v2(None).issuer("http://h/"), "http://h/{tenantid}/v2.0");
        assert_eq!(v2(None).issuer_for("http://h/", &jane()), format!("http://h/{CONTOSO}/v2.0"));
        assert_eq!(v2(Tenant::find(ADATUM)).issuer_for("http://h/", &jane()), format!("http://h/{ADATUM}/v2.0"));
        assert_eq!(Shape::GENERIC.issuer_for("http://h/", &jane()), "http://h/");
    }
}
