//! SHA-256 thumbprints: of keys (RFC 7638) and of certificates (RFC 8705 section 3.1).

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The SHA-256 thumbprint of a key or a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; SHA256_OUTPUT_LEN]);

/// The members that make up a key of each kind, in the order of their names (RFC 7638 section 3.2).
const MEMBERS: [(&str, &[&str]); 3] =
    [("EC", &["crv", "kty", "x", "y"]), ("OKP", &["crv", "kty", "x"]), ("RSA", &["e", "kty", "n"])];

impl Thumbprint {
    /// Reads one as `cnf` has it: 32 octets in canonical unpadded base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// That of a certificate.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::of(der)
    }

    /// That of a public key. `None` if its numbers are not written as RFC 7518 section 6 has them: the same key would have
    /// several thumbprints.
    pub(super) fn of_jwk(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let (kind, members) = MEMBERS.into_iter().find(|(kind, _)| text("kty") == Some(*kind))?;
        let length = match text("crv") {
            Some("P-384") => 48,
            Some("P-521") => 66,
            _ => 32,
        };
        let mut written = String::with_capacity(512);
        for name in members {
            let value = text(name)?;
            if !matches!(*name, "crv" | "kty") {
                let octets = URL_SAFE_NO_PAD.decode(value).ok()?;
                let whole = if kind == "RSA" {
                    octets.first().is_some_and(|&first| first != 0)
                } else {
                    octets.len() == length
                };
                if !whole {
                    return None;
                }
            }
            written += if written.is_empty() { "{\"" } else { ",\"" };
            // Nothing here needs an escape: the key was read before, so its curve is a known one.
            written += &[name, "\":\"", value, "\""].concat();
        }
        written += "}";
        Some(Self::of(written.as_bytes()))
    }

    fn of(bytes: &[u8]) -> Self {
        let mut octets = [0; SHA256_OUTPUT_LEN];
        octets.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_has_the_thumbprint_of_its_required_members() {
        // The example of RFC 7638 section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst\
                 n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9\
                 1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        assert_eq!(Thumbprint::of_jwk(&jwk).unwrap().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // The example of RFC 8037 appendix A.3.
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(Thumbprint::of_jwk(&jwk).unwrap().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // The example of RFC 9449 section 6.1.
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        assert_eq!(Thumbprint::of_jwk(&jwk).unwrap().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn a_key_has_one_thumbprint_however_it_could_be_written() {
        let good = json!({"kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
        for (name, value) in [
            ("x", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs=")),
            ("x", json!("l8tFrhx+34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs")),
            ("x", json!("AJfLRa4cft-LVd4USAkQ2PcwpA5aQYReNlEFH1lQFgRb")),
            ("x", json!(1)),
            ("y", json!(null)),
            ("kty", json!("ec")),
            ("kty", json!("oct")),
        ] {
            let mut jwk = good.clone();
            jwk[name] = value;
            assert_eq!(Thumbprint::of_jwk(&jwk), None, "{jwk}");
        }
        let rsa = |n: &str| Thumbprint::of_jwk(&json!({"kty": "RSA", "n": n, "e": "AQAB"}));
        assert!(rsa("_w").is_some() && rsa("AP8").is_none() && rsa("").is_none());
    }

    #[test]
    fn it_is_read_as_it_is_written_and_in_no_other_form() {
        let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(Thumbprint::parse(text).unwrap().to_string(), text);
        for odd in [
            "",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4",
            &format!("{text}="),
            &format!("{text}AA"),
            "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
        ] {
            assert_eq!(Thumbprint::parse(odd), None, "{odd}");
        }
    }
}
