//! The words of a wrong context and of a missing delegation: which tenant to sign in to, and who delegates.
//!
//! No tenant stands in these texts; a refusal has the one that was wanted and the one that was seen beside them.

use super::advice::{Texts, listed};
use super::evidence::Proof;
use super::{Context, Product, Rule};

/// The caller is signed in to another tenant.
pub(super) fn wrong(proof: Option<&Proof>, rule: Option<&Rule>) -> Texts {
    let is_app_only = proof.is_some_and(|proof| proof.principal.user().is_none());
    if rule.is_some_and(|rule| rule.context == Context::Partner) {
        return if is_app_only {
            (
                "Access denied. This resource needs a token of a partner's own tenant.".into(),
                "Request the token in the partner's tenant, where the application is at home.".into(),
            )
        } else {
            (
                "Access denied. This resource needs a user of a partner, who is signed in to the partner's own tenant."
                    .into(),
                "Sign in to the partner's tenant with an account of that tenant: guests don't count, and a token of a \
                 customer's tenant doesn't either."
                    .into(),
            )
        };
    }
    let description = "Access denied. This request is about a customer, and the caller is signed in to another tenant than the customer's.";
    let remedy = if is_app_only {
        "Request the token in the customer's tenant: put the customer's tenant id in the token endpoint's address. The \
         customer must have consented to the application."
    } else if proof.is_none_or(|proof| proof.issuer.product == Product::Entra) {
        "Sign in to the customer's tenant, with an interactive flow: use https://login.microsoftonline.com/{customer} as the \
         authority, with the customer's tenant id. MFA is asked for there; MFA that was done in another tenant doesn't count."
    } else {
        "Sign in to the customer's tenant. MFA must be done there; MFA that was done in another tenant doesn't count."
    };
    (description.into(), remedy.into())
}

/// There is no delegation that has begun.
pub(super) fn no_delegation(proof: Option<&Proof>) -> Texts {
    if proof.is_some_and(|proof| proof.home.is_none()) {
        let cause = match proof.map(|proof| proof.issuer.product) {
            Some(Product::Entra) => "The token's idp names no tenant",
            _ => "The token doesn't name the user's home tenant",
        };
        return (
            "Access denied. The user's home tenant isn't known, so it isn't known either whether the customer delegated to it."
                .into(),
            format!("{cause}. Sign in with an account of a partner's tenant.").into(),
        );
    }
    (
        "Access denied. The customer has not delegated to the user's home tenant.".into(),
        "Use an account of the partner that the customer has delegated to, or have the customer delegate to this partner. The \
         gateway's operator adds the delegation."
            .into(),
    )
}

/// There was a delegation, and it has ended.
pub(super) fn ended() -> Texts {
    (
        "Access denied. The customer's delegation to the user's home tenant has ended.".into(),
        "Have the customer renew the delegation, and the gateway's operator enter its new end.".into(),
    )
}

/// The role is there, and the delegation lacks it.
pub(super) fn role_not_delegated(rule: Option<&Rule>) -> Texts {
    let needed: Vec<String> = rule.and_then(|rule| rule.roles.as_ref()).into_iter().flatten().cloned().collect();
    let what = match &*needed {
        [] => "a role".to_owned(),
        [only] => format!("the role {only}"),
        _ => format!("one of the roles {}", listed(&needed, "or")),
    };
    (
        format!("Access denied. This resource needs {what}, and the customer has not delegated it to the user's home tenant.")
            .into(),
        "Have the customer delegate the role, if the work needs it, and the gateway's operator add it to the delegation. The \
         user's own roles are fine."
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{IssuerProfile, Requirement};
    use crate::token::{App, Principal};

    fn proof(product: Product) -> Proof {
        Proof::of_user(IssuerProfile { product, ..IssuerProfile::default() })
    }

    fn rule(context: Context) -> Rule {
        Rule { context, ..Requirement::Authenticated.into() }
    }

    #[test]
    fn a_wrong_context_says_where_to_sign_in() {
        let told = |proof: &Proof, context| wrong(Some(proof), Some(&rule(context))).1.into_owned();
        let user = proof(Product::Entra);
        let application = Proof { principal: Principal::AppOnly(App { id: None }), ..user.clone() };
        assert!(told(&user, Context::Customer).contains("https://login.microsoftonline.com/{customer}"));
        assert!(!told(&proof(Product::Okta), Context::Customer).contains("microsoftonline"));
        assert!(told(&application, Context::Customer).contains("token endpoint's address"));
        assert!(told(&user, Context::Partner).contains("guests don't count"));
        assert!(told(&application, Context::Partner).contains("application is at home"));
    }

    #[test]
    fn a_home_tenant_that_is_unknown_is_said_to_be() {
        let known = Proof { home: Some("p".to_owned()), ..proof(Product::Entra) };
        assert!(no_delegation(Some(&known)).0.contains("has not delegated"));
        assert!(no_delegation(Some(&proof(Product::Entra))).1.contains("idp names no tenant"));
        assert!(no_delegation(Some(&proof(Product::Generic))).0.contains("isn't known"));
    }
}
