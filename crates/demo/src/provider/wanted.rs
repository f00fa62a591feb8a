//! What an authorization request asks of the sign-in, in the many ways that providers have for it.

use serde_json::Value;

use super::form::Form;
use crate::people::MFA;

/// Values of `acr` that a password alone satisfies.
const PASSWORD_IS_ENOUGH: [&str; 3] = ["0", "1", "pwd"];

/// What is asked of the sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Whether MFA is asked for: by `acr_values`, `claims`, or Entra's `amr_values`.
    pub(crate) mfa: bool,
    /// The `acr` that the ID token is to have afterwards.
    pub(crate) acr: Option<String>,
    /// The authentication contexts that the ID token is to have in `acrs`, as Entra has them.
    pub(crate) acrs: Vec<String>,
}

impl Wanted {
    /// Reads the parameters; `claims` that is not JSON asks for nothing (OpenID Connect Core §5.5).
    pub(crate) fn parse(form: &Form) -> Self {
        let claims: Value = form.get("claims").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let of = |name: &str| values(&claims["id_token"][name]);
        let contexts = form.words("acr_values").map(str::to_owned).chain(of("acr"));
        let acr = contexts.into_iter().find(|value| !PASSWORD_IS_ENOUGH.contains(&value.as_str()));
        let acrs = [of("acrs"), values(&claims["access_token"]["acrs"])].concat();
        let policies = values(&claims["access_token"]["capolids"]);
        let by_method = form.words("amr_values").any(|method| method == MFA)
            || [of("amr"), values(&claims["access_token"]["amr"])].concat().iter().any(|amr| amr == MFA);
        Self { mfa: acr.is_some() || !acrs.is_empty() || !policies.is_empty() || by_method, acr, acrs }
    }
}

/// The values that a claim is asked to have.
fn values(request: &Value) -> Vec<String> {
    let many = request["values"].as_array().into_iter().flatten();
    many.chain(Some(&request["value"])).filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::parse(&Form::parse(query.as_bytes()))
    }

    #[test]
    fn mfa_is_asked_for_in_every_manner() {
        for query in [
            "acr_values=urn:okta:loa:2fa:any",
            "acr_values=1+c1",
            "amr_values=ngcmfa+mfa",
            "claims={\"id_token\":{\"acr\":{\"essential\":true,\"values\":[\"gold\"]}}}",
            "claims={\"id_token\":{\"acrs\":{\"essential\":true,\"value\":\"c1\"}}}",
            "claims={\"access_token\":{\"acrs\":{\"essential\":true,\"value\":\"c1\"}}}",
            "claims={\"access_token\":{\"capolids\":{\"essential\":true,\"values\":[\"p\"]}}}",
            "claims={\"access_token\":{\"amr\":{\"essential\":true,\"values\":[\"mfa\"]}}}",
            "claims={\"id_token\":{\"amr\":{\"essential\":true,\"values\":[\"mfa\"]}}}",
        ] {
            assert!(wanted(query).mfa, "{query}");
        }
    }

    #[test]
    fn nothing_else_asks_for_mfa() {
        for query in ["", "acr_values=1", "amr_values=pwd", "claims=nonsense", "claims={\"id_token\":{\"acr\":null}}"] {
            assert_eq!(wanted(query), Wanted::default(), "{query}");
        }
    }
}
