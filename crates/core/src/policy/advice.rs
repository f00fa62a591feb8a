//! The words of MFA findings: what the rule reads, what the token says there, and what to do about it at this issuer.
//!
//! Names of claims are the configuration's. No value of a token stands in these texts.

use std::borrow::Cow;

use super::evidence::{MfaRule, Proof};
use super::product::Product;
use super::seen::Seen;
use crate::token::{AuthTime, Claim};

/// How many claims are named.
const MAX_NAMES: usize = 8;

/// Words, and what to do.
pub(super) type Texts = (Cow<'static, str>, Cow<'static, str>);

/// None of the claims that could prove MFA is in the token.
pub(super) fn absent(proof: Option<&Proof>) -> Texts {
    let Some(proof) = proof else {
        let description = "MFA required. The token doesn't say how the user authenticated: the claim that shows MFA \
                           (usually amr) is absent.";
        return (description.into(), add_claims("the claim", Product::Generic).into());
    };
    let claims = Claims::of(proof);
    let description = format!(
        "MFA required. The token doesn't say how the user authenticated: {} absent.",
        is_or_are(&claims.absent, "and")
    );
    let again = "Then sign in again with MFA, and check the token that you send.";
    (description.into(), format!("{} {again}", add_claims(&listed(&claims.absent, "or"), proof.issuer.product)).into())
}

/// Claims that could prove MFA are there, and don't.
pub(super) fn missing(proof: Option<&Proof>) -> Texts {
    let Some(proof) = proof else {
        let description = "MFA required. The token is valid, but doesn't show MFA: the claim that shows it (usually amr) \
                           has another value.";
        return (description.into(), sign_in(Product::Generic).into());
    };
    let (claims, product) = (Claims::of(proof), proof.issuer.product);
    if claims.absent.is_empty() {
        let description = format!(
            "MFA required. The token is valid, but its user signed in without MFA: {} present and {} show it.",
            is_or_are(&claims.present, "and"),
            if claims.present.len() == 1 { "doesn't" } else { "don't" },
        );
        let programs = if proof.amr.is_password_alone() { PROGRAMS } else { "" };
        return (description.into(), [sign_in(product), programs].concat().into());
    }
    let description = format!(
        "MFA required. The token is valid, but doesn't show MFA: {} present with another value; {} absent.",
        is_or_are(&claims.present, "and"),
        is_or_are(&claims.absent, "and")
    );
    let remedy = format!(
        "{} If the user did MFA, the token doesn't say so. {}",
        sign_in(product),
        add_claims(&listed(&claims.absent, "or"), product)
    );
    (description.into(), remedy.into())
}

/// A claim that the rule denies is there.
pub(super) fn denied(proof: Option<&Proof>) -> Texts {
    let named = proof.map(|proof| {
        let claims = Claims::of(proof);
        format!(
            "MFA required. A claim in the token ({}) says that MFA was bypassed or was done in a way that is not accepted \
             here.",
            listed(&claims.denied, "and")
        )
    });
    let general = "MFA required. A claim in the token says that MFA was bypassed or was done in a way that is not \
                   accepted here.";
    let remedy = "Sign in again and complete MFA instead of bypassing it, then use the new token.";
    (named.map_or(general.into(), Into::into), remedy.into())
}

/// The sign-in is too old, or its time is not known.
pub(super) fn stale(proof: Option<&Proof>) -> Texts {
    const AGAIN: &str = "Sign in again with MFA and use the new token. A refresh token keeps the time of its sign-in.";
    let add_time = match proof.map(|proof| proof.issuer.product) {
        Some(Product::Entra) => {
            "Have `auth_time` added as an optional claim for access tokens in the API's app registration. Then sign in \
             again with MFA and use the new token."
        }
        _ => "Have the issuer add `auth_time` to the access token. Then sign in again with MFA and use the new token.",
    };
    match proof {
        Some(Proof { auth_time: AuthTime::At(_), .. }) => {
            ("MFA required. The user's sign-in is older than this resource allows.".into(), AGAIN.into())
        }
        Some(Proof { auth_time: AuthTime::Malformed, .. }) => (
            "MFA required. The token's auth_time has the wrong JSON type or form, so it isn't known when the user signed in."
                .into(),
            "Have the issuer write `auth_time` as a number of seconds since 1970, or have the gateway's operator set \
             `auth_time: rfc3339` for the issuer if it writes such texts."
                .into(),
        ),
        Some(_) => ("MFA required. The token doesn't give the time of the user's sign-in (auth_time).".into(), add_time.into()),
        None => (
            "MFA required. The user's sign-in is older than this resource allows, or the token doesn't give its time \
             (auth_time)."
                .into(),
            "Sign in again with MFA and use the new token. If the sign-in was recent, have the issuer add `auth_time` to \
             the access token."
                .into(),
        ),
    }
}

/// The names of the claims that the issuer's rule reads, by what the token says there.
#[derive(Debug, Default)]
struct Claims {
    absent: Vec<String>,
    present: Vec<String>,
    /// Those by which the rule denies.
    denied: Vec<String>,
}

impl Claims {
    fn of(proof: &Proof) -> Self {
        let rule = &proof.issuer.mfa;
        let proves = |path: &[String]| rule.any.iter().chain(&rule.all).any(|one| one.claim == path);
        let mut claims = Self::default();
        for (path, seen) in proof.claims() {
            let name = MfaRule::name_of(path);
            if is_denied(rule, path, &seen) {
                claims.denied.push(name.clone());
            }
            match *seen {
                _ if !proves(path) => {}
                Seen::Absent => claims.absent.push(name),
                _ => claims.present.push(name),
            }
        }
        claims
    }
}

fn is_denied(rule: &MfaRule, path: &[String], seen: &Seen) -> bool {
    let holds = |value| rule.deny.iter().any(|one| one.claim == path && one.test.holds(Claim::from(value)));
    seen.value().is_some_and(holds)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[String], word: &str) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let mut names: Vec<&str> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
    let others = format!("{more} more");
    if more > 0 {
        names.push(&others);
    }
    match names.split_last() {
        None => "the claim".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}

fn is_or_are(names: &[String], word: &str) -> String {
    format!("{} {}", listed(names, word), if names.len() > 1 { "are" } else { "is" })
}

/// How to get the claim into the token.
fn add_claims(claims: &str, product: Product) -> String {
    match product {
        Product::Entra => format!(
            "Have {claims} added to the access token: in the API's app registration, as an optional claim for access \
             tokens. Entra's v1.0 tokens have amr without that."
        ),
        Product::Keycloak => format!(
            "Have the realm's administrator add {claims} to the access token: for amr, the protocol mapper \
             \"Authentication Method Reference (AMR)\" in a client scope, and a reference value at each authenticator of \
             the flow; for acr, a mapping of ACR to level of authentication."
        ),
        Product::Okta => format!(
            "Have Okta's administrator add {claims} to the access token, in the claims of the authorization server that \
             issues it. To get acr, request an assurance with `acr_values`."
        ),
        Product::Auth0 => format!(
            "Have the tenant's administrator add {claims} to the access token, in a post-login Action that runs after MFA. \
             Silent authentication and refresh tokens may lose it."
        ),
        Product::Generic => format!("Have the issuer add {claims} to the access token."),
    }
}

/// What a program needs that sends the password of its user, as nobody is there for MFA then.
const PROGRAMS: &str = " A program that sends a user's password can't do MFA: have it use an interactive flow, or a consent \
                        that the gateway keeps.";

/// How to sign in with MFA.
fn sign_in(product: Product) -> &'static str {
    match product {
        Product::Entra => {
            "Sign in again with MFA and use the new token. If MFA is enabled, this sign-in skipped it: a trusted \
             location, a remembered device or a password-only flow does that. Require MFA at every sign-in with a \
             Conditional Access policy or security defaults. A federated identity provider must send its MFA claim to \
             Entra. A refresh token keeps the sign-in that it came from: if that sign-in had no MFA, consent again with MFA."
        }
        Product::Keycloak => {
            "Sign in again with MFA and use the new token. If a second factor is set up, this sign-in skipped it: have the \
             realm's administrator make it required, not conditional or alternative, in the authentication flow of this \
             client, or request a level of authentication with `acr_values`. An existing session and a refresh token \
             keep the sign-in that they came from."
        }
        Product::Okta => {
            "Sign in again with MFA and use the new token. If MFA is set up, this sign-in skipped it: have Okta's \
             administrator require two factor types at every sign-in, in the application's authentication policy, or \
             request an assurance with `acr_values`. An existing session and a refresh token keep the sign-in that they \
             came from."
        }
        Product::Auth0 => {
            "Sign in again with MFA and use the new token. If MFA is enabled, this sign-in skipped it: a remembered \
             browser or an adaptive policy does that. Have the tenant's administrator require MFA always, in the tenant's \
             policy or in a post-login Action. A refresh token keeps the sign-in that it came from."
        }
        Product::Generic => {
            "Sign in again with MFA and use the new token. If MFA is enabled, this sign-in skipped it: a trusted \
             location, a remembered device or a password-only flow does that. Have the identity provider require MFA at \
             every sign-in. A refresh token keeps the sign-in that it came from."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_as_in_a_sentence_and_not_without_end() {
        let names = |count: usize| (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>();
        assert_eq!(listed(&names(1), "or"), "c0");
        assert_eq!(listed(&names(2), "or"), "c0 or c1");
        assert_eq!(listed(&names(3), "and"), "c0, c1 and c2");
        assert_eq!(listed(&names(20), "and"), "c0, c1, c2, c3, c4, c5, c6, c7 and 12 more");
        assert_eq!(
            (is_or_are(&names(1), "and"), is_or_are(&names(2), "and")),
            ("c0 is".into(), "c0 and c1 are".into())
        );
    }

    #[test]
    fn each_product_is_advised_of_its_own_settings_alone() {
        const OWN: [(Product, &[&str]); 4] = [
            (Product::Entra, &["Conditional Access", "security defaults", "Entra", "app registration"]),
            (Product::Keycloak, &["realm", "protocol mapper"]),
            (Product::Okta, &["Okta", "authorization server"]),
            (Product::Auth0, &["Action"]),
        ];
        for product in [Product::Entra, Product::Keycloak, Product::Okta, Product::Auth0, Product::Generic] {
            let advice = [add_claims("amr", product), sign_in(product).to_owned()].concat();
            for (other, words) in OWN {
                for word in words {
                    assert_eq!(advice.contains(word), other == product, "{product:?}: {word}");
                }
            }
        }
    }
}
