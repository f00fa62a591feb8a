//! The claims of a verified token.

use serde_json::Value;

use super::object::Object;
use super::{Amr, AuthTime, AuthTimeForm, Claim, Validity};
use crate::clock::Timestamp;

/// The claims of a token whose signature, issuer, audience and time were checked. [`super::Unverified::verify`] is the
/// only way to them.
#[derive(Debug)]
pub struct Claims {
    object: Object,
    validity: Validity,
}

impl Claims {
    pub(super) fn new(object: Object, validity: Validity) -> Self {
        Self { object, validity }
    }

    /// When the token is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The claim, whatever its type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Claim<'_>> {
        self.object.get(name)
    }

    /// The names of all claims.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.object.names()
    }

    /// The claim that a path of names leads to; `null` if the path leads through something that isn't an object.
    #[must_use]
    pub fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<Claim<'_>> {
        self.object.at(path)
    }

    /// The claim, if it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.object.get(name).and_then(Claim::as_str)
    }

    /// How the user authenticated.
    #[must_use]
    pub fn amr(&self) -> Amr {
        Amr::read(self.get("amr"))
    }

    /// When the token was issued, if it says so.
    #[must_use]
    pub fn issued(&self) -> Option<Timestamp> {
        self.get("iat").and_then(Claim::date)
    }

    /// When the user authenticated, in the form that the issuer writes it.
    #[must_use]
    pub fn auth_time(&self, form: AuthTimeForm) -> AuthTime {
        AuthTime::read(self.get("auth_time"), form)
    }

    /// The same in an ID token, where a number is of whole seconds (OpenID Connect Core section 2).
    #[must_use]
    pub fn sign_in_time(&self, form: AuthTimeForm) -> AuthTime {
        let is_fraction = |claim: Claim<'_>| matches!(claim, Claim::Other(value) if value.is_f64());
        if self.get("auth_time").is_some_and(is_fraction) { AuthTime::Malformed } else { self.auth_time(form) }
    }

    /// The token's version (`ver`), as people write it. Only Entra's decides something.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        match self.get("ver")? {
            Claim::Other(Value::Number(number)) => Some(number.to_string()),
            claim => claim.as_str().map(str::to_owned),
        }
    }

    /// Whether the client handles claims challenges: `xms_cc` holds `cp1`, in any letter case.
    #[must_use]
    pub fn handles_claims_challenge(&self) -> bool {
        let is_cp1 = |value: &str| value.eq_ignore_ascii_case("cp1");
        self.get("xms_cc").is_some_and(|claim| match claim.as_str() {
            Some(one) => is_cp1(one),
            None => claim.strings().is_some_and(|list| list.into_iter().any(is_cp1)),
        })
    }
}

#[cfg(test)]
impl Claims {
    /// As a verified token has them.
    pub(crate) fn of(value: &Value) -> Self {
        Self::new(Object::of(value), Validity::always())
    }
}
