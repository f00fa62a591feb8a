//! Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A verifier, and what the issuer hears of it before.
#[derive(Clone, PartialEq, Eq)]
pub struct Pkce {
    /// What goes to the token endpoint with the code, and nowhere else.
    pub verifier: String,
    /// What stands in the authorization request: its digest, by the method S256.
    pub challenge: String,
}

impl Pkce {
    /// A pair of these random bytes: 43 characters of verifier (section 4.1).
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Self::of(URL_SAFE_NO_PAD.encode(random))
    }

    fn of(verifier: String) -> Self {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        Self { verifier, challenge }
    }
}

impl fmt::Debug for Pkce {
    /// Without the verifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkce").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_the_digest_of_its_verifier() {
        // The example of RFC 7636 appendix B.
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let pair = Pkce::new(&octets);
        assert_eq!(pair.verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(pair.challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(!format!("{pair:?}").contains(&pair.verifier));
    }
}
