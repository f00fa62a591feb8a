//! Which of many issuers a token names.

use std::collections::HashMap;

use super::issuer::{Cloud, EntraVersion, IssuerRule, Tenants};

/// Issuers by what their tokens say: a token that names none of a thousand costs no more than one that names none of two.
#[derive(Clone, Debug, Default)]
pub struct IssuerIndex {
    exact: HashMap<String, usize>,
    /// At most one for each token version of each cloud.
    templates: Vec<Template>,
}

/// The issuers that share a template of Entra's.
#[derive(Clone, Debug)]
struct Template {
    cloud: Cloud,
    version: EntraVersion,
    /// The first of them.
    first: usize,
    /// The first that trusts every tenant.
    any: Option<usize>,
    /// The first that trusts a tenant, in lower case.
    by_tenant: HashMap<String, usize>,
}

impl IssuerIndex {
    /// Takes the rules of the issuers, in their order.
    #[must_use]
    pub fn new<'r>(rules: impl Iterator<Item = &'r IssuerRule>) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.enumerate() {
            match rule {
                IssuerRule::Exact(exact) => {
                    index.exact.entry(exact.clone()).or_insert(place);
                }
                IssuerRule::Entra { cloud, version, tenants } => {
                    let template = index.template((*cloud, *version), place);
                    match tenants {
                        Tenants::Any => template.any = template.any.or(Some(place)),
                        Tenants::Only(tenants) => {
                            for tenant in tenants {
                                template.by_tenant.entry(tenant.clone()).or_insert(place);
                            }
                        }
                    }
                }
            }
        }
        index
    }

    fn template(&mut self, (cloud, version): (Cloud, EntraVersion), first: usize) -> &mut Template {
        let known = self.templates.iter().position(|one| one.cloud == cloud && one.version == version);
        let at = known.unwrap_or_else(|| {
            self.templates.push(Template { cloud, version, first, any: None, by_tenant: HashMap::new() });
            self.templates.len() - 1
        });
        &mut self.templates[at]
    }

    /// The place of the issuer that tokens of `issuer` are judged by: the first that trusts the tenant, or else the first
    /// that shares its template.
    #[must_use]
    pub fn find(&self, issuer: &str) -> Option<usize> {
        let named = |one: &'_ Template| one.cloud.tenant_of(one.version, issuer).map(str::to_ascii_lowercase);
        let templates = || self.templates.iter().filter_map(|one| Some((one, named(one)?)));
        let trusting =
            templates().flat_map(|(one, tenant)| one.any.into_iter().chain(one.by_tenant.get(&tenant).copied()));
        let exact = self.exact.get(issuer).copied();
        exact.into_iter().chain(trusting).min().or_else(|| templates().map(|(one, _)| one.first).min())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TENANTS: [&str; 3] = [
        "df845f1a-7b35-40a2-ba78-6481de91f8ae",
        "00000000-0000-0000-0000-00000000000a",
        "00000000-0000-0000-0000-00000000000b",
    ];

    #[test]
    fn it_finds_what_a_look_at_each_finds() {
        let only = |at: usize| Tenants::Only(BTreeSet::from([TENANTS[at].to_owned()]));
        let entra = |cloud, version, tenants| IssuerRule::Entra { cloud, version, tenants };
        let rules = [
            IssuerRule::Exact("https://idp.example/".to_owned()),
            entra(Cloud::UsGovernment, EntraVersion::V1, only(1)),
            entra(Cloud::Global, EntraVersion::V1, only(0)),
            entra(Cloud::Global, EntraVersion::V2, Tenants::Any),
            entra(Cloud::Global, EntraVersion::V1, only(1)),
            IssuerRule::Exact(Cloud::Global.issuer(EntraVersion::V2, TENANTS[0])),
            IssuerRule::Exact("https://idp.example/".to_owned()),
            entra(Cloud::China, EntraVersion::V2, only(2)),
        ];
        let upper = TENANTS.map(str::to_ascii_uppercase);
        let tenants = TENANTS.into_iter().chain(upper.iter().map(String::as_str)).chain(["common", ""]);
        let of_entra = tenants.flat_map(|tenant| {
            let versions = [EntraVersion::V1, EntraVersion::V2];
            Cloud::ALL.into_iter().flat_map(move |cloud| versions.map(|version| cloud.issuer(version, tenant)))
        });
        let others = ["https://idp.example/", "https://idp.example", ""].map(str::to_owned);
        let issuers: Vec<String> = of_entra.chain(others).collect();
        for from in 0..=rules.len() {
            let (rules, index) = (&rules[from..], IssuerIndex::new(rules[from..].iter()));
            for issuer in &issuers {
                let trusting = rules.iter().position(|rule| rule.trusts(issuer));
                let expected = trusting.or_else(|| rules.iter().position(|rule| rule.names(issuer)));
                assert_eq!(index.find(issuer), expected, "{from} {issuer}");
            }
        }
    }
}
