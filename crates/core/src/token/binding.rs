//! What a token is bound to (`cnf`): a key that its sender proves with DPoP, or the certificate of its sender's connection.

use super::{Claim, Claims, Thumbprint, TokenError};

/// What a token is bound to. With both, its sender has to show both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The key of DPoP proofs (`jkt`, RFC 9449 section 6).
    pub key: Option<Thumbprint>,
    /// The client's certificate (`x5t#S256`, RFC 8705 section 3.1).
    pub certificate: Option<Thumbprint>,
}

impl Binding {
    /// The binding of a token with these claims; `None` if it has none.
    ///
    /// RFC 7800 lets a recipient ignore members that it doesn't know. A token that is bound in a way that can't be checked
    /// would then be worth as much as an unbound one, so it is refused.
    ///
    /// # Errors
    ///
    /// If `cnf` is malformed, names no way of binding or one that isn't known.
    pub fn read(claims: &Claims) -> Result<Option<Self>, TokenError> {
        let Some(cnf) = claims.get("cnf") else { return Ok(None) };
        let Claim::Other(serde_json::Value::Object(members)) = cnf else {
            return Err(TokenError::ClaimMalformed("cnf"));
        };
        if members.is_empty() || members.keys().any(|name| !matches!(name.as_str(), "jkt" | "x5t#S256")) {
            return Err(TokenError::Binding);
        }
        let thumbprint = |name: &str| {
            let read = |value: &serde_json::Value| value.as_str().and_then(Thumbprint::parse);
            members.get(name).map(|value| read(value).ok_or(TokenError::ClaimMalformed("cnf"))).transpose()
        };
        Ok(Some(Self { key: thumbprint("jkt")?, certificate: thumbprint("x5t#S256")? }))
    }

    /// The words for its kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [self.key.map(|_| Self::DPOP), self.certificate.map(|_| Self::MUTUAL_TLS)];
        kinds.into_iter().flatten()
    }

    /// The word for a key of DPoP proofs.
    pub const DPOP: &'static str = "dpop";

    /// The word for a certificate.
    pub const MUTUAL_TLS: &'static str = "mtls";
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ONE: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const OTHER: &str = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";

    fn read(cnf: &Value) -> Result<Option<Binding>, TokenError> {
        Binding::read(&Claims::of(&json!({ "cnf": cnf })))
    }

    #[test]
    fn a_token_is_bound_to_a_key_a_certificate_or_both() {
        assert_eq!(Binding::read(&Claims::of(&json!({}))), Ok(None));
        let (one, other) = (Thumbprint::parse(ONE), Thumbprint::parse("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"));
        assert!(one.is_some() && other.is_some());
        let key = read(&json!({"jkt": ONE})).unwrap().unwrap();
        assert_eq!((key.key, key.certificate), (one, None));
        let both = read(&json!({"jkt": ONE, "x5t#S256": other.unwrap().to_string()})).unwrap().unwrap();
        assert_eq!((both.key, both.certificate), (one, other));
        assert_eq!(both.kinds().collect::<Vec<_>>(), ["dpop", "mtls"]);
    }

    #[test]
    fn what_is_not_understood_is_refused_and_never_ignored() {
        for unknown in [
            json!({}),
            json!({"kid": "k"}),
            json!({"jwk": {"kty": "EC"}}),
            json!({"jkt": ONE, "kid": "k"}),
            json!({"x5t#s256": ONE}),
            json!({"JKT": ONE}),
            json!({"x5t": ONE}),
            json!({"jkt": ONE, "": null}),
        ] {
            assert_eq!(read(&unknown), Err(TokenError::Binding), "{unknown}");
        }
        for malformed in [
            json!(null),
            json!(ONE),
            json!([]),
            json!([{"jkt": ONE}]),
            json!(true),
            json!({"jkt": null}),
            json!({"jkt": 1}),
            json!({"jkt": ""}),
            json!({"jkt": [ONE]}),
            json!({"x5t#S256": OTHER}),
            json!({"jkt": ONE, "x5t#S256": {}}),
        ] {
            assert_eq!(read(&malformed), Err(TokenError::ClaimMalformed("cnf")), "{malformed}");
        }
    }
}
