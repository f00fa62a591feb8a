//! What is asked of an issuer beyond a sign-in.

use std::time::Duration;

use mfa_gateway_core::policy::Product;
use serde_json::{Map, Value};

/// What an authorization request asks for beyond that somebody signs in (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// The contexts of authentication, by preference.
    pub acr_values: Vec<String>,
    /// The methods of authentication, which Entra's v1 endpoint and AD FS take.
    pub amr_values: Vec<String>,
    /// Claims that are asked for (section 5.5), as JSON.
    pub claims: Option<String>,
    /// What the issuer shows even to somebody who is signed in there.
    pub prompt: Option<String>,
    /// How long ago the user may have authenticated, in seconds.
    pub max_age: Option<u64>,
}

/// The shortest `max_age` that Entra is asked for. It lets the ID token expire `max_age` after the password, so that somebody
/// who takes a while for MFA would come back with an expired one (MSAL for Python, issues 444 and 455).
const MIN_OF_ENTRA: u64 = 300;

impl Asks {
    /// These, and `more` wherever that says something.
    #[must_use]
    pub fn and(&self, more: &Self) -> Self {
        let list = |own: &[String], more: &[String]| if more.is_empty() { own.to_vec() } else { more.to_vec() };
        Self {
            acr_values: list(&self.acr_values, &more.acr_values),
            amr_values: list(&self.amr_values, &more.amr_values),
            claims: more.claims.clone().or_else(|| self.claims.clone()),
            prompt: more.prompt.clone().or_else(|| self.prompt.clone()),
            max_age: more.max_age.or(self.max_age),
        }
    }

    /// These, with a sign-in that is no older than this. `auth_time` is judged when it comes back.
    #[must_use]
    pub fn fresh(mut self, max_age: Duration, product: Product) -> Self {
        // 0 would never hold for what comes back.
        let seconds = max_age.as_secs().max(1);
        if product == Product::Entra && seconds < MIN_OF_ENTRA {
            self.prompt = Some("login".to_owned());
        } else {
            self.max_age = Some(seconds);
        }
        self
    }

    /// These, and what a claims challenge of the issuer asks for: it wins where both ask for one claim of a token.
    #[must_use]
    pub fn challenged(mut self, challenge: &str) -> Self {
        let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
        let mut all = self.claims.as_deref().map(read).unwrap_or_default();
        for (token, more) in read(challenge) {
            match (all.get_mut(&token).and_then(Value::as_object_mut), more) {
                (Some(known), Value::Object(more)) => known.extend(more),
                (_, more) => drop(all.insert(token, more)),
            }
        }
        self.claims = Some(Value::Object(all).to_string()).filter(|text| text != "{}");
        self
    }

    /// The parameters, in words.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let list = |values: &[String]| Some(values.join(" ")).filter(|text| !text.is_empty());
        let all = [
            ("acr_values", list(&self.acr_values)),
            ("amr_values", list(&self.amr_values)),
            ("claims", self.claims.clone()),
            ("prompt", self.prompt.clone()),
            ("max_age", self.max_age.map(|seconds| seconds.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_more_replaces_what_was_asked() {
        let own = Asks { acr_values: vec!["a".to_owned()], prompt: Some("consent".to_owned()), ..Asks::default() };
        let more = Asks { acr_values: vec!["b".to_owned(), "c".to_owned()], max_age: Some(60), ..Asks::default() };
        let both: Vec<_> = own.and(&more).parameters().collect();
        let expected = [("acr_values", "b c"), ("prompt", "consent"), ("max_age", "60")];
        assert_eq!(both, expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(own.and(&Asks::default()), own);
        assert_eq!(Asks::default().parameters().count(), 0);
    }

    #[test]
    fn what_a_challenge_asks_for_is_asked_besides() {
        let own = r#"{"access_token":{"amr":{"essential":true,"values":["mfa"]}}}"#;
        let challenge = r#"{"access_token":{"polids":{"essential":true}},"id_token":{"acrs":{"value":"c1"}}}"#;
        let asks = |claims: Option<&str>| Asks { claims: claims.map(str::to_owned), ..Asks::default() };
        let both = r#"{"access_token":{"amr":{"essential":true,"values":["mfa"]},"polids":{"essential":true}},"id_token":{"acrs":{"value":"c1"}}}"#;
        assert_eq!(asks(Some(own)).challenged(challenge).claims.as_deref(), Some(both));
        assert_eq!(asks(None).challenged(challenge).claims.as_deref(), Some(challenge));
        assert_eq!(asks(Some(own)).challenged("").claims.as_deref(), Some(own));
        assert_eq!(asks(None).challenged("").claims, None);
    }

    #[test]
    fn a_sign_in_is_asked_for_that_is_young_enough() {
        let asked = |secs, product| {
            let asks = Asks::default().fresh(Duration::from_secs(secs), product);
            (asks.max_age, asks.prompt)
        };
        assert_eq!(asked(60, Product::Generic), (Some(60), None));
        assert_eq!(asked(0, Product::Keycloak), (Some(1), None), "0 would never hold for what comes back");
        assert_eq!(asked(900, Product::Entra), (Some(900), None));
        assert_eq!(asked(60, Product::Entra), (None, Some("login".to_owned())));
    }
}
