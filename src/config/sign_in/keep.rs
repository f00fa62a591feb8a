//! What a session keeps of its ID token: who the user is, and all that rules read.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Issuer;
use mfa_gateway_core::policy::{Predicate, Test};
use mfa_gateway_core::token::Keep;

/// Who the user is, when and how he signed in, and what people see of it.
const ALWAYS: [&str; 13] = [
    "iss",
    "sub",
    "tid",
    "oid",
    "ver",
    "auth_time",
    "amr",
    "acr",
    "name",
    "preferred_username",
    "upn",
    "email",
    "login_hint",
];

/// What Entra writes in the place of groups that it leaves out: whether somebody has a role isn't known then.
const WITHHELD: [&str; 4] = ["_claim_names", "hasgroups", "groups:src1", "wids:src1"];

/// The claims to keep for an issuer's rules: of a list that a rule looks for elements in, only these.
pub(super) fn of(issuer: &Issuer) -> Vec<Keep> {
    let profile = &issuer.profile;
    let mut kept = Kept::default();
    for name in ALWAYS {
        kept.whole(&[name.to_owned()]);
    }
    if let Some(claim) = profile.home.claim() {
        kept.whole(&claim);
    }
    for told in &profile.told {
        kept.whole(&told.claim);
    }
    if let Some(names) = &profile.event_names {
        // By these, an event names a session and its user, and by `iat` the ID tokens that came before it.
        for name in ["iat", "sid"].into_iter().chain(names.email.as_deref()) {
            kept.whole(&[name.to_owned()]);
        }
    }
    let roles = profile.roles.as_slice();
    if !roles.is_empty() {
        for name in WITHHELD {
            kept.whole(&[name.to_owned()]);
        }
    }
    let proofs = [&profile.mfa.any, &profile.mfa.all, &profile.mfa.deny];
    for predicate in proofs.into_iter().flatten().chain(roles.iter().flat_map(|role| &role.any)) {
        kept.read_by(predicate);
    }
    let Kept(claims, named) = kept;
    let keep = |(claim, elements)| {
        let named = named.get(&claim).cloned().unwrap_or_default();
        Keep { claim, elements, named }
    };
    claims.into_iter().map(keep).collect()
}

/// The claims, with the elements that are kept, all of them if absent; and the elements that rules name.
#[derive(Debug, Default)]
struct Kept(BTreeMap<Vec<String>, Option<BTreeSet<String>>>, BTreeMap<Vec<String>, BTreeSet<String>>);

impl Kept {
    fn whole(&mut self, claim: &[String]) {
        self.0.insert(claim.to_vec(), None);
    }

    fn read_by(&mut self, predicate: &Predicate) {
        let kept = self.0.entry(predicate.claim.clone()).or_insert_with(|| Some(BTreeSet::new()));
        match &predicate.test {
            Test::Contains(element) => {
                self.1.entry(predicate.claim.clone()).or_default().insert(element.clone());
                if let Some(elements) = kept {
                    elements.insert(element.clone());
                }
            }
            Test::Equals(_) => *kept = None,
        }
    }
}
