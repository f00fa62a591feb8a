//! Who makes a step.

use std::sync::Arc;

use mfa_gateway_core::policy::Proof;
use mfa_gateway_core::token::{AuthTime, Principal};
use mfa_gateway_store::Who;

/// A person with what they have shown, or an operator who is none.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// The name, for people.
    pub(crate) name: String,
    /// What was shown: by an access token or a session. A token of the file shows nothing of its bearer.
    pub(crate) proof: Option<Arc<Proof>>,
    /// Whether this is an operator of the gateway, whatever the roles.
    pub(crate) is_operator: bool,
}

impl Actor {
    /// Who that is, as the store has it.
    pub(super) fn who(&self) -> Who {
        let Some(proof) = &self.proof else { return Who::new("", "", "", &self.name) };
        let user = proof.principal.user().and_then(|user| user.id.as_deref()).unwrap_or_default();
        Who::new(&proof.issuer.name, proof.tenant.as_deref().unwrap_or_default(), user, &self.name)
    }

    /// The user's id as it came, of a person.
    pub(super) fn user(&self) -> Option<&str> {
        self.proof.as_ref()?.principal.user()?.id.as_deref()
    }

    /// What was shown, for those who look at the steps later.
    pub(super) fn shown(&self) -> String {
        let Some(proof) = &self.proof else { return "a token of the operators' file".to_owned() };
        if let Principal::AppOnly(_) = proof.principal {
            return "an app-only token".to_owned();
        }
        let roles = proof.roles.held.iter().map(|role| &**role).collect::<Vec<_>>().join(", ");
        let roles = if roles.is_empty() { "no role".to_owned() } else { format!("roles {roles}") };
        let time = match proof.auth_time {
            AuthTime::At(at) => format!("signed in at {at}"),
            AuthTime::Absent | AuthTime::Malformed => "signed in at an unknown time".to_owned(),
        };
        let mut text = format!("MFA {}; {time}; {roles}", proof.mfa.name());
        text.truncate(text.floor_char_boundary(1000));
        text
    }
}

/// Whether two may be one person. The issuer's name doesn't count: one person may come by a token of one entry and a
/// session of another. Who is taken for another can't answer a request; the other way round would be worse.
pub(super) fn may_be_same(one: &Who, other: &Who) -> bool {
    let tenants = one.tenant.is_empty() || other.tenant.is_empty() || one.tenant.eq_ignore_ascii_case(&other.tenant);
    !one.user.is_empty() && one.user.eq_ignore_ascii_case(&other.user) && tenants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_the_same_by_every_entry_and_letter_case() {
        let who = |issuer: &str, tenant: &str, user: &str| Who::new(issuer, tenant, user, "name");
        let jane = who("entra", "contoso", "0a1b");
        for same in [
            who("entra", "contoso", "0a1b"),
            who("portal", "contoso", "0a1b"),
            who("entra", "CONTOSO", "0A1B"),
            who("entra", "", "0a1b"),
        ] {
            assert!(may_be_same(&jane, &same) && may_be_same(&same, &jane), "{same:?}");
        }
        for other in [who("entra", "contoso", "0a1c"), who("entra", "fabrikam", "0a1b"), who("entra", "contoso", "")] {
            assert!(!may_be_same(&jane, &other) && !may_be_same(&other, &jane), "{other:?}");
        }
        assert!(!may_be_same(&who("", "", ""), &who("", "", "")), "operators of the file are nobody");
    }
}
