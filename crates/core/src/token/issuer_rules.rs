//! Many rules for `iss`, to see whether another one overlaps them without a look at each.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::issuer::{Cloud, EntraVersion, IssuerRule, Tenants};

/// Rules for `iss`, by what they take.
#[derive(Debug, Default)]
pub struct IssuerRules {
    exact: HashSet<String>,
    /// By what stands before and after the tenant.
    entra: HashMap<(&'static str, &'static str), Taken>,
}

/// What is taken of the issuers that one template makes.
#[derive(Debug, Default)]
struct Taken {
    /// Whether a rule is for them, and whether one is for every tenant.
    any: bool,
    every: bool,
    tenants: HashSet<String>,
    /// Whether one of them is taken as an exact string.
    exact: bool,
}

impl IssuerRules {
    /// Adds a rule.
    pub fn add(&mut self, rule: &IssuerRule) {
        match rule {
            IssuerRule::Exact(exact) => {
                for template in templates(exact) {
                    self.entra.entry(template).or_default().exact = true;
                }
                self.exact.insert(exact.clone());
            }
            IssuerRule::Entra { cloud, version, tenants } => {
                let taken = self.entra.entry(cloud.template(*version)).or_default();
                taken.any = true;
                match tenants {
                    Tenants::Any => taken.every = true,
                    Tenants::Only(tenants) => taken.tenants.extend(tenants.iter().cloned()),
                }
            }
        }
    }

    /// Whether some token could be judged by this rule and one of those that were added: see [`IssuerRule::overlaps`].
    #[must_use]
    pub fn overlaps(&self, rule: &IssuerRule) -> bool {
        match rule {
            IssuerRule::Exact(exact) => {
                let named = |template| self.entra.get(&template).is_some_and(|taken| taken.any);
                self.exact.contains(exact) || templates(exact).any(named)
            }
            IssuerRule::Entra { cloud, version, tenants } => {
                self.entra.get(&cloud.template(*version)).is_some_and(|taken| taken.has_one_of(tenants))
            }
        }
    }
}

impl Taken {
    fn has_one_of(&self, tenants: &Tenants) -> bool {
        let shared = |tenants: &BTreeSet<String>| tenants.iter().any(|tenant| self.tenants.contains(tenant));
        self.exact
            || self.every
            || match tenants {
                Tenants::Any => self.any,
                Tenants::Only(tenants) => shared(tenants),
            }
    }
}

/// The templates that make this issuer.
fn templates(issuer: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let versions = |cloud: Cloud| [EntraVersion::V1, EntraVersion::V2].map(|version| (cloud, version));
    let fits = move |(cloud, version): &(Cloud, EntraVersion)| cloud.tenant_of(*version, issuer).is_some();
    Cloud::ALL.into_iter().flat_map(versions).filter(fits).map(|(cloud, version)| cloud.template(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules of every kind, of which many pairs overlap and many don't.
    fn rules() -> Vec<IssuerRule> {
        let tenants = ["df845f1a-7b35-40a2-ba78-6481de91f8ae", "4988e250-4a33-4d6f-9d3c-6f0a2d9be7c4"];
        let only = |list: &[&str]| Tenants::Only(list.iter().map(|&tenant| tenant.to_owned()).collect());
        let mut rules: Vec<IssuerRule> =
            ["https://one.example", "https://two.example"].map(|text| IssuerRule::Exact(text.to_owned())).to_vec();
        for cloud in Cloud::ALL {
            for version in [EntraVersion::V1, EntraVersion::V2] {
                rules.push(IssuerRule::Exact(cloud.issuer(version, tenants[0])));
                for tenants in [Tenants::Any, only(&[]), only(&tenants[..1]), only(&tenants[1..]), only(&tenants)] {
                    rules.push(IssuerRule::Entra { cloud, version, tenants });
                }
            }
        }
        rules
    }

    #[test]
    fn a_rule_overlaps_those_that_overlap_it_one_by_one() {
        for one in rules() {
            for two in rules() {
                let mut added = IssuerRules::default();
                for rule in [&one, &two] {
                    added.add(rule);
                }
                for rule in rules() {
                    let expected = rule.overlaps(&one) || rule.overlaps(&two);
                    assert_eq!(added.overlaps(&rule), expected, "{rule:?} and {one:?}, {two:?}");
                }
            }
        }
    }
}
