//! `at_hash`: what binds an access token to the ID token that it came with.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Algorithm;

/// Whether `hash` is the left half of the digest of `token`, by the hash function of the algorithm that signed the ID token
/// (OpenID Connect Core section 3.1.3.6). For Ed25519 that is SHA-512, which it uses itself.
pub(super) fn is_hash_of(hash: &str, token: &str, algorithm: Algorithm) -> bool {
    let function = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::EdDsa => &SHA512,
    };
    let full = digest(function, token.as_bytes());
    let (half, _) = full.as_ref().split_at(full.as_ref().len() / 2);
    verify_slices_are_equal(URL_SAFE_NO_PAD.encode(half).as_bytes(), hash.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_left_half_in_base64url_and_nothing_else() {
        // The example of OpenID Connect Core appendix A.3.
        let (hash, token) = ("77QmUPtjPfzWtF2AnpK9RQ", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert!(is_hash_of(hash, token, Algorithm::Rs256) && is_hash_of(hash, token, Algorithm::Es256));
        assert!(!is_hash_of(hash, token, Algorithm::Rs384) && !is_hash_of(hash, token, Algorithm::EdDsa));
        for other in ["", "77QmUPtjPfzWtF2AnpK9R", "77QmUPtjPfzWtF2AnpK9RQ==", "77qmUPtjPfzWtF2AnpK9RQ"] {
            assert!(!is_hash_of(other, token, Algorithm::Rs256), "{other}");
        }
        assert!(!is_hash_of(hash, "another", Algorithm::Rs256));
        assert!(is_hash_of("11LCxR-6DimqGQVwqdQlPkQHegWNMpf6", "x", Algorithm::Es384));
        assert!(is_hash_of("pKvURIxJVi2CgRXROh_M6pJ_UrTVRZKX-LQ-QtqJI4s", "x", Algorithm::EdDsa));
    }
}
