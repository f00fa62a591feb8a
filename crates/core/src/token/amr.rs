//! The `amr` claim: how the user authenticated (RFC 8176).

use super::Claim;

/// The methods named by `amr`, or why there are none.
///
/// Only an array of strings counts: Entra documents values such as `wiaormfa`, which a substring test would take for
/// `mfa`, and an `amr` of another shape proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amr {
    /// There is no such claim.
    Absent,
    /// The claim is not an array of strings.
    Malformed,
    /// The methods, as they came.
    Methods(Vec<String>),
}

impl Amr {
    /// Whether a password was all that the user showed (RFC 8176 section 2).
    #[must_use]
    pub fn is_password_alone(&self) -> bool {
        matches!(self, Self::Methods(methods) if !methods.is_empty() && methods.iter().all(|method| method == "pwd"))
    }

    /// Reads the claim.
    #[must_use]
    pub fn read(claim: Option<Claim<'_>>) -> Self {
        match claim {
            None => Self::Absent,
            Some(claim) => claim
                .strings()
                .map_or(Self::Malformed, |methods| Self::Methods(methods.into_iter().map(str::to_owned).collect())),
        }
    }

    /// Whether there is such a claim that is not an array of strings.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::Malformed)
    }

    /// The methods; none if the claim is absent or malformed.
    #[must_use]
    pub fn methods(&self) -> &[String] {
        match self {
            Self::Methods(methods) => methods,
            Self::Absent | Self::Malformed => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_alone_is_told_from_what_has_more_and_from_nothing() {
        let is_alone = |claim: serde_json::Value| Amr::read(Some((&claim).into())).is_password_alone();
        assert!(is_alone(json!(["pwd"])) && is_alone(json!(["pwd", "pwd"])));
        for more in [json!([]), json!(["pwd", "otp"]), json!(["mfa"]), json!("pwd"), json!(["PWD"])] {
            assert!(!is_alone(more.clone()), "{more}");
        }
        assert!(!Amr::Absent.is_password_alone());
    }

    #[test]
    fn only_an_array_of_strings_has_methods() {
        assert_eq!(Amr::read(Some((&json!(["pwd", "mfa"])).into())).methods(), ["pwd", "mfa"]);
        assert_eq!(Amr::read(None), Amr::Absent);
        for odd in [json!("mfa"), json!({"mfa": true}), json!(["mfa", 1]), json!([["mfa"]]), json!(null), json!(1)] {
            assert_eq!(Amr::read(Some((&odd).into())), Amr::Malformed, "{odd}");
        }
    }
}
