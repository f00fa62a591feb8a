//! A DPoP proof (RFC 9449 section 4): what shows that the sender of a request has the key that its token is bound to.
//!
//! It goes the way of section 4.3: form, type, algorithm, key, signature, and then what it was made for. Whether it came
//! before, and whether its nonce is one of ours, is for others to find out.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::compact::Signed;
use super::dpop_error::ProofClaim::{self, Ath, Exp, Htm, Htu, Iat, Jti, Nbf, Nonce};
use super::object::Object;
use super::{Algorithm, Claim, DpopError, Key, Target, Thumbprint, TokenError};
use crate::clock::Timestamp;

/// The longest proof that is looked at, in bytes: the largest key twice encoded, its signature and a long address.
const MAX_BYTES: usize = 16 << 10;

/// What a JWK must not have, with whatever value: it would publish the key (RFC 9449 section 4.3).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What proofs must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopRules {
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far the time of a proof may be from now, in either direction.
    pub window: Duration,
}

/// The request that a proof is for.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'r> {
    /// Its method.
    pub method: &'r str,
    /// Its address.
    pub target: &'r Target,
    /// Its token.
    pub token: &'r [u8],
}

/// A proof that is valid for its request at this moment.
#[derive(Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// The thumbprint of the key that signed it.
    pub key: Thumbprint,
    /// What stands for its id (`jti`), among those of the same key and of others.
    pub id: [u8; 16],
    /// When it was made.
    pub issued_at: Timestamp,
    /// The nonce in it.
    pub nonce: Option<String>,
}

impl DpopProof {
    /// Verifies a proof.
    ///
    /// # Errors
    ///
    /// The first rule of RFC 9449 section 4.3 that it breaks.
    pub fn verify(
        text: &str,
        rules: &DpopRules,
        request: ProvenRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, DpopError> {
        if text.len() > MAX_BYTES {
            return Err(DpopError::Form);
        }
        let signed = Signed::parse(text, &["dpop+jwt"]).map_err(|error| match error {
            TokenError::Type => DpopError::Type,
            TokenError::Header(_) => DpopError::Header,
            _ => DpopError::Form,
        })?;
        // A token may lack `typ`; a proof may not, or any token would do for one.
        if signed.header.get("typ").and_then(Claim::as_str) != Some("dpop+jwt") {
            return Err(DpopError::Type);
        }
        let algorithm = signed.algorithm.filter(|one| rules.algorithms.contains(one)).ok_or(DpopError::Algorithm)?;
        let (key, thumbprint) = key(&signed.header)?;
        key.verify(algorithm, signed.input.as_bytes(), &signed.signature).map_err(|error| match error {
            TokenError::Algorithm => DpopError::Algorithm,
            _ => DpopError::Signature,
        })?;
        let claims = signed.claims().map_err(|_| DpopError::Form)?;
        Self::judge(&claims, thumbprint, rules, request, now)
    }

    fn judge(
        claims: &Object,
        key: Thumbprint,
        rules: &DpopRules,
        request: ProvenRequest<'_>,
        now: Timestamp,
    ) -> Result<Self, DpopError> {
        let text = |name: ProofClaim| claims.optional_text(name.name()).map_err(|_| DpopError::Claim(name));
        let needed = |name| text(name)?.filter(|text| !text.is_empty()).ok_or(DpopError::Claim(name));
        let date = |name: ProofClaim| claims.optional_date(name.name()).map_err(|_| DpopError::Claim(name));
        let id = identity(&key, needed(Jti)?);
        if needed(Htm)? != request.method {
            return Err(DpopError::Method);
        }
        if !request.target.is(needed(Htu)?) {
            return Err(DpopError::Target);
        }
        let issued_at = date(Iat)?.ok_or(DpopError::Claim(Iat))?;
        let is_near = now.since(issued_at) <= rules.window && issued_at.since(now) <= rules.window;
        let is_over = date(Exp)?.is_some_and(|end| end <= now) || date(Nbf)?.is_some_and(|begin| begin > now);
        if !is_near || is_over {
            return Err(DpopError::Time);
        }
        if needed(Ath)? != URL_SAFE_NO_PAD.encode(digest(&SHA256, request.token)) {
            return Err(DpopError::Token);
        }
        Ok(Self { key, id, issued_at, nonce: text(Nonce)?.map(str::to_owned) })
    }
}

/// Stands for an id of a key's proofs, however long it is.
fn identity(key: &Thumbprint, id: &str) -> [u8; 16] {
    let mut identity = [0; 16];
    let hash = digest(&SHA256, &[key.octets(), id.as_bytes()].concat());
    identity.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    identity
}

/// The key that a proof brings along.
fn key(header: &Object) -> Result<(Key, Thumbprint), DpopError> {
    let Some(Claim::Other(jwk @ Value::Object(members))) = header.get("jwk") else { return Err(DpopError::Key) };
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(DpopError::PrivateKey);
    }
    let key = Key::from_jwk(jwk).map_err(|_| DpopError::Key)?;
    Ok((key, Thumbprint::of_jwk(jwk).ok_or(DpopError::Key)?))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const TOKEN: &str = "a.b.c";

    fn pair() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    fn jwk(pair: &EcdsaKeyPair) -> Value {
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    }

    fn claims() -> Value {
        let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, TOKEN.as_bytes()));
        json!({"jti": "1", "htm": "GET", "htu": "https://api.example/v1/x", "iat": NOW, "ath": ath})
    }

    fn sign(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verify(proof: &str) -> Result<DpopProof, DpopError> {
        let rules = DpopRules { algorithms: vec![Algorithm::Es256, Algorithm::EdDsa], window: Duration::from_secs(60) };
        let target = Target::new("https", "api.example", None, "/v1/x").unwrap();
        let request = ProvenRequest { method: "GET", target: &target, token: TOKEN.as_bytes() };
        DpopProof::verify(proof, &rules, request, Timestamp::from_secs(NOW))
    }

    /// The same proof with another header parameter or claim, signed anew.
    fn with(part: &str, name: &str, value: Option<Value>) -> Result<DpopProof, DpopError> {
        let pair = pair();
        let (mut header, mut claims) = (json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(&pair)}), claims());
        let changed = if part == "header" { &mut header } else { &mut claims }.as_object_mut().unwrap();
        match value {
            Some(value) => drop(changed.insert(name.to_owned(), value)),
            None => drop(changed.remove(name)),
        }
        verify(&sign(&pair, &header, &claims))
    }

    #[test]
    fn a_proof_shows_the_key_that_signed_it() {
        let pair = pair();
        let proof = sign(&pair, &json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(&pair)}), &claims());
        let found = verify(&proof).unwrap();
        assert_eq!((Some(found.key), found.id), (Thumbprint::of_jwk(&jwk(&pair)), identity(&found.key, "1")));
        assert!(
            identity(&found.key, "1") != identity(&found.key, "2") && found.id != identity(&Thumbprint::default(), "1")
        );
        assert_eq!(with("claims", "nonce", Some(json!("n"))).unwrap().nonce.as_deref(), Some("n"));
        assert!(
            with("claims", "unknown", Some(json!({"a": 1}))).is_ok() && with("header", "kid", Some(json!("k"))).is_ok()
        );
    }

    #[test]
    fn another_kind_of_key_will_do_if_its_algorithm_is_accepted() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key())});
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let input = [encode(&json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk})), encode(&claims())].join(".");
        let proof = format!("{input}.{}", URL_SAFE_NO_PAD.encode(pair.sign(input.as_bytes())));
        assert_eq!(Some(verify(&proof).unwrap().key), Thumbprint::of_jwk(&jwk));
    }

    #[test]
    fn the_header_is_that_of_a_proof_with_a_public_key_and_an_accepted_algorithm() {
        use DpopError::{Algorithm, Form, Header, Key, PrivateKey, Signature, Type};
        let other = jwk(&pair());
        let with_member = |name: &str, value: Value| {
            let mut jwk = other.clone();
            jwk[name] = value;
            Some(jwk)
        };
        for (name, value, expected) in [
            ("typ", None, Type),
            ("typ", Some(json!("JWT")), Type),
            ("typ", Some(json!("at+jwt")), Type),
            ("typ", Some(json!("application/dpop+jwt")), Type),
            ("typ", Some(json!(1)), Type),
            ("alg", None, Header),
            ("alg", Some(json!("none")), Algorithm),
            ("alg", Some(json!("HS256")), Algorithm),
            ("alg", Some(json!("ES384")), Algorithm),
            ("alg", Some(json!("EdDSA")), Algorithm),
            ("alg", Some(json!("es256")), Algorithm),
            ("crit", Some(json!(["exp"])), Header),
            ("b64", Some(json!(false)), Header),
            ("jwk", None, Key),
            ("jwk", Some(json!("x")), Key),
            ("jwk", Some(json!([])), Key),
            ("jwk", Some(json!({})), Key),
            ("jwk", Some(json!({"kty": "oct", "k": "AA"})), PrivateKey),
            ("jwk", with_member("d", json!("AA")), PrivateKey),
            ("jwk", with_member("d", json!(null)), PrivateKey),
            ("jwk", with_member("use", json!("enc")), Key),
            ("jwk", with_member("alg", json!("ES384")), Key),
            ("jwk", with_member("crv", json!("P-384")), Key),
            ("jwk", Some(other.clone()), Signature),
        ] {
            assert_eq!(with("header", name, value.clone()), Err(expected), "{name} {value:?}");
        }
        for odd in ["", "a.b", "a.b.c", "a.b.c.d", "{}", "e30.e30.AA", "é", &"a".repeat(20_000)] {
            assert!(matches!(verify(odd), Err(Form | Header)), "{odd}");
        }
    }

    #[test]
    fn it_is_for_this_method_address_token_and_time_alone() {
        use DpopError::{Claim, Method, Target, Time, Token};
        for (name, value, expected) in [
            ("htm", json!("POST"), Method),
            ("htm", json!("get"), Method),
            ("htm", json!(""), Claim(ProofClaim::Htm)),
            ("htm", json!(["GET"]), Claim(ProofClaim::Htm)),
            ("htu", json!("https://api.example/v1/y"), Target),
            ("htu", json!("http://api.example/v1/x"), Target),
            ("htu", json!("/v1/x"), Target),
            ("htu", json!(1), Claim(ProofClaim::Htu)),
            ("iat", json!(NOW - 61), Time),
            ("iat", json!(NOW + 61), Time),
            ("iat", json!(0), Time),
            ("iat", json!(1e300), Time),
            ("iat", json!(NOW.to_string()), Claim(ProofClaim::Iat)),
            ("iat", json!(null), Claim(ProofClaim::Iat)),
            ("exp", json!(NOW), Time),
            ("exp", json!("x"), Claim(ProofClaim::Exp)),
            ("nbf", json!(NOW + 1), Time),
            ("ath", json!(URL_SAFE_NO_PAD.encode(digest(&SHA256, b"a.b.d"))), Token),
            ("ath", json!(TOKEN), Token),
            ("ath", json!(1), Claim(ProofClaim::Ath)),
            ("jti", json!(""), Claim(ProofClaim::Jti)),
            ("jti", json!(1), Claim(ProofClaim::Jti)),
            ("nonce", json!(1), Claim(ProofClaim::Nonce)),
        ] {
            assert_eq!(with("claims", name, Some(value.clone())), Err(expected), "{name} {value}");
        }
        for name in [Jti, Htm, Htu, Iat, Ath] {
            assert_eq!(with("claims", name.name(), None), Err(Claim(name)));
        }
        for iat in [NOW - 60, NOW + 60] {
            assert!(with("claims", "iat", Some(json!(iat))).is_ok());
        }
        assert!(with("claims", "htu", Some(json!("HTTPS://API.example:443/v1/./x?a=b#c"))).is_ok());
    }
}
