//! The manners of identity providers that this one can take on, by the path it is asked at.

use crate::people::Person;

/// A manner, with the addresses and claims that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// OpenID Connect by the book, at the root.
    Generic,
    /// Entra's v1 endpoint, at `/common/oauth2/…`: an issuer per tenant, `amr_values`, `amr` in ID tokens.
    V1,
    /// Entra's v2 endpoint, at `/common/oauth2/v2.0/…`: an issuer per tenant, no `amr_values` and no `amr`.
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

const GENERIC: [(Endpoint, &str); 6] = [
    (Endpoint::Discovery, ".well-known/openid-configuration"),
    (Endpoint::Keys, "keys"),
    (Endpoint::Authorize, "authorize"),
    (Endpoint::Token, "token"),
    (Endpoint::Pushed, "par"),
    (Endpoint::EndSession, "logout"),
];

const V1: [(Endpoint, &str); 5] = [
    (Endpoint::Discovery, "common/.well-known/openid-configuration"),
    (Endpoint::Keys, "common/discovery/keys"),
    (Endpoint::Authorize, "common/oauth2/authorize"),
    (Endpoint::Token, "common/oauth2/token"),
    (Endpoint::EndSession, "common/oauth2/logout"),
];

const V2: [(Endpoint, &str); 5] = [
    (Endpoint::Discovery, "common/v2.0/.well-known/openid-configuration"),
    (Endpoint::Keys, "common/discovery/v2.0/keys"),
    (Endpoint::Authorize, "common/oauth2/v2.0/authorize"),
    (Endpoint::Token, "common/oauth2/v2.0/token"),
    (Endpoint::EndSession, "common/oauth2/v2.0/logout"),
];

impl Shape {
    const ALL: [Self; 3] = [Self::Generic, Self::V1, Self::V2];

    fn paths(self) -> &'static [(Endpoint, &'static str)] {
        match self {
            Self::Generic => &GENERIC,
            Self::V1 => &V1,
            Self::V2 => &V2,
        }
    }

    /// The manner and the endpoint that a path belongs to.
    pub(crate) fn at(path: &str) -> Option<(Self, Endpoint)> {
        let path = path.strip_prefix('/')?;
        Self::ALL.into_iter().find_map(|shape| {
            let endpoint = shape.paths().iter().find(|(_, known)| *known == path);
            endpoint.map(|(endpoint, _)| (shape, *endpoint))
        })
    }

    /// The address of an endpoint, if this manner has it.
    pub(crate) fn address(self, base: &str, endpoint: Endpoint) -> Option<String> {
        let path = self.paths().iter().find(|(known, _)| *known == endpoint);
        path.map(|(_, path)| format!("{base}{path}"))
    }

    /// The issuer that discovery names.
    pub(crate) fn issuer(self, base: &str) -> String {
        self.issuer_of(base, TENANT)
    }

    /// The issuer of this person's tokens.
    pub(crate) fn issuer_for(self, base: &str, person: &Person) -> String {
        self.issuer_of(base, &person.tenant_id)
    }

    fn issuer_of(self, base: &str, tenant: &str) -> String {
        match self {
            Self::Generic => base.to_owned(),
            Self::V1 => format!("{base}{tenant}/"),
            Self::V2 => format!("{base}{tenant}/v2.0"),
        }
    }

    /// Whether authorization responses name the issuer (RFC 9207); Entra's don't.
    pub(crate) fn names_itself(self) -> bool {
        self == Self::Generic
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{CONTOSO, jane};

    #[test]
    fn every_address_leads_back_to_its_endpoint() {
        for shape in Shape::ALL {
            for (endpoint, _) in shape.paths() {
                let address = shape.address("http://127.0.0.1:9/", *endpoint).unwrap();
                assert_eq!(Shape::at(address.strip_prefix("http://127.0.0.1:9").unwrap()), Some((shape, *endpoint)));
            }
        }
        assert_eq!(Shape::V1.address("http://127.0.0.1:9/", Endpoint::Pushed), None);
    }

    #[test]
    fn the_issuer_of_a_common_endpoint_depends_on_the_tenant() {
        assert_eq!(Shape::V2.issuer("http://h/"), "http://h/{tenantid}/v2.0");
        assert_eq!(Shape::V2.issuer_for("http://h/", &jane()), format!("http://h/{CONTOSO}/v2.0"));
        assert_eq!(Shape::Generic.issuer_for("http://h/", &jane()), "http://h/");
    }
}
