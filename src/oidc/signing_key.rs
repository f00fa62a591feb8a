//! A client's private key, and the assertions that it signs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use webpki::EndEntityCert;

/// A private key that a client proves itself with, ready to sign.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Pair>,
    header: Value,
    /// What tells it from every other: of the key, and of what stands in the header.
    digest: [u8; 32],
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
}

/// Why a key can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// There is no key in the file.
    #[error("it contains no private key in PEM (BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN EC PRIVATE KEY)")]
    NoKey,
    /// It is of another kind, or broken.
    #[error("its key is not an RSA key of 2048 to 8192 bits, nor an EC key of P-256, P-384 or P-521")]
    Kind,
    /// The algorithm isn't one of the key's.
    #[error(
        "the algorithm is not one that its key can sign with: RS256 or PS256 for RSA, ES256, ES384 or ES512 for EC"
    )]
    Algorithm,
    /// The certificate can't be read.
    #[error("it contains no certificate in PEM (BEGIN CERTIFICATE)")]
    NoCertificate,
    /// The certificate is for another key.
    #[error("the certificate is for another key")]
    AnotherKey,
    /// Nothing could be signed.
    #[error("the assertion could not be signed")]
    Signing,
}

impl SigningKey {
    /// Reads a key (PEM: PKCS#8, PKCS#1 or SEC 1), which signs with `algorithm`, or else with RS256, or with the algorithm of
    /// its curve. `kid` names it to the issuer, or the thumbprints of a certificate do, which Entra wants.
    pub fn parse(
        key: &[u8],
        certificate: Option<&[u8]>,
        kid: Option<&str>,
        algorithm: Option<&str>,
    ) -> Result<Self, SigningKeyError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| SigningKeyError::NoKey)?;
        let (pair, name) = Pair::read(&key, algorithm)?;
        let mut header = json!({"alg": name, "typ": "JWT"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        if let Some(pem) = certificate {
            let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| SigningKeyError::NoCertificate)?;
            pair.check(&certificate)?;
            // Entra reads either: the older one in every cloud.
            header["x5t"] = json!(encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate).as_ref()));
            header["x5t#S256"] = json!(encode(digest(&SHA256, &certificate).as_ref()));
        }
        let mut of = [0; 32];
        of.copy_from_slice(digest(&SHA256, &[key.secret_der(), header.to_string().as_bytes()].concat()).as_ref());
        Ok(Self { pair: Arc::new(pair), header, digest: of })
    }

    /// Reads an EC key as [`SigningKey::parse`] does, which is named by its thumbprint (RFC 7638).
    pub(crate) fn parse_published(key: &[u8]) -> Result<Self, SigningKeyError> {
        let unnamed = Self::parse(key, None, None, None)?;
        let jwk = unnamed.public_jwk().ok_or(SigningKeyError::Kind)?;
        let members = ["crv", "kty", "x", "y"].map(|name| format!("\"{name}\":{}", jwk[name]));
        let thumbprint = digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes());
        Self::parse(key, None, Some(&encode(thumbprint.as_ref())), None)
    }

    /// The public half of an EC key (RFC 7518 section 6.2.1).
    pub(crate) fn public_jwk(&self) -> Option<Value> {
        let Pair::Ec(pair) = &*self.pair else { return None };
        let curve = match self.header["alg"].as_str()? {
            "ES256" => "P-256",
            "ES384" => "P-384",
            _ => "P-521",
        };
        // An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
        let point = pair.public_key().as_ref().get(1..)?;
        let (x, y) = point.split_at_checked(point.len() / 2)?;
        let mut jwk = json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y), "use": "sig"});
        jwk["alg"] = self.header["alg"].clone();
        if let Some(kid) = self.header.get("kid") {
            jwk["kid"] = kid.clone();
        }
        Some(jwk)
    }

    /// Signs these claims (RFC 7515 section 3.1).
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, SigningKeyError> {
        let input = [encode(self.header.to_string().as_bytes()), encode(claims.to_string().as_bytes())].join(".");
        let signature = self.pair.sign(input.as_bytes())?;
        Ok([input, encode(&signature)].join("."))
    }
}

impl Pair {
    fn read(key: &PrivateKeyDer<'_>, algorithm: Option<&str>) -> Result<(Self, &'static str), SigningKeyError> {
        if let Some(pair) = rsa(key) {
            return match algorithm {
                None | Some("RS256") => Ok((Self::Rsa(pair, &RSA_PKCS1_SHA256), "RS256")),
                Some("PS256") => Ok((Self::Rsa(pair, &RSA_PSS_SHA256), "PS256")),
                Some(_) => Err(SigningKeyError::Algorithm),
            };
        }
        let curves = [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256"),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384"),
            (&ECDSA_P521_SHA512_FIXED_SIGNING, "ES512"),
        ];
        let found = curves.into_iter().find_map(|(curve, name)| {
            let pair = match key {
                PrivateKeyDer::Pkcs8(der) => EcdsaKeyPair::from_pkcs8(curve, der.secret_pkcs8_der()),
                other => EcdsaKeyPair::from_private_key_der(curve, other.secret_der()),
            };
            Some((Self::Ec(pair.ok()?), name))
        });
        match found {
            Some((_, name)) if algorithm.is_some_and(|wanted| wanted != name) => Err(SigningKeyError::Algorithm),
            found => found.ok_or(SigningKeyError::Kind),
        }
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, input, &mut signature).map_err(|_| SigningKeyError::Signing)?;
                Ok(signature)
            }
            Self::Ec(pair) => pair
                .sign(&random, input)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SigningKeyError::Signing),
        }
    }

    /// Checks that a certificate is for this key: its `SubjectPublicKeyInfo` ends with the key.
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), SigningKeyError> {
        let certificate = EndEntityCert::try_from(certificate).map_err(|_| SigningKeyError::NoCertificate)?;
        let of = certificate.subject_public_key_info();
        let is_same = match self {
            Self::Rsa(pair, _) => of.ends_with(pair.public_key().as_ref()),
            Self::Ec(pair) => of.ends_with(pair.public_key().as_ref()),
        };
        if is_same { Ok(()) } else { Err(SigningKeyError::AnotherKey) }
    }
}

fn rsa(key: &PrivateKeyDer<'_>) -> Option<RsaKeyPair> {
    match key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        _ => None,
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    /// With what the issuer reads of it, and nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("header", &self.header).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A key of P-256, in two forms, and a certificate for it. Nothing trusts them.
    pub(in super::super) const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgR5heGGhEprB9wy4t
cZeGFdYiUAhsakjYf4wlogb6jSGhRANCAAShzQlsTICUzgalegRLzVbz91xeCc46
/8CxTLC4IQ+uIEOpee6Ds6P2r5MG/S9/iyxZe/5hEj+MFh54ZXnR9YuT
-----END PRIVATE KEY-----
";
    const SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEeYXhhoRKawfcMuLXGXhhXWIlAIbGpI2H+MJaIG+o0hoAoGCCqGSM49
AwEHoUQDQgAEoc0JbEyAlM4GpXoES81W8/dcXgnOOv/AsUywuCEPriBDqXnug7Oj
9q+TBv0vf4ssWXv+YRI/jBYeeGV50fWLkw==
-----END EC PRIVATE KEY-----
";
    const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIUQ7X5TVUuagpOTSwVF+vg6/7l33owCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZ2F0ZXdheTAgFw0yNjExMjkwMzExMThaGA8yMTI2MTEwNTAz
MTExOFowEjEQMA4GA1UEAwwHZ2F0ZXdheTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABKHNCWxMgJTOBqV6BEvNVvP3XF4Jzjr/wLFMsLghD64gQ6l57oOzo/avkwb9
L3+LLFl7/mESP4wWHnhledH1i5OjUzBRMB0GA1UdDgQWBBRmF91aqYktxzfLJYDK
wHa5RkGZAzAfBgNVHSMEGDAWgBRmF91aqYktxzfLJYDKwHa5RkGZAzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIDk1x1cqH0Gw2mX/Q4Gk1FwRmvWd
X3zCo6I34ozeJ7neAiA+5IN9N2p7mTN1+MvmCBKu04h1GkHjXhZwpK6l1PbnHA==
-----END CERTIFICATE-----
";

    fn parse(key: &str, certificate: Option<&str>, algorithm: Option<&str>) -> Result<SigningKey, SigningKeyError> {
        SigningKey::parse(key.as_bytes(), certificate.map(str::as_bytes), Some("k1"), algorithm)
    }

    fn pkcs8(pair: &RsaKeyPair) -> Vec<u8> {
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        der.as_ref().to_vec()
    }

    fn rsa_pem() -> (String, Vec<u8>) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pkcs8(&pair);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        (pem, pair.public_key().as_ref().to_vec())
    }

    /// The header and the claims of a token, and what is signed, and the signature.
    fn apart(token: &str) -> (Value, Value, String, Vec<u8>) {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = input.split_once('.').unwrap();
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        (read(header), read(claims), input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn an_assertion_is_signed_and_names_its_key_and_certificate() {
        let key = parse(KEY, Some(CERTIFICATE), None).unwrap();
        let (header, claims, input, signature) = apart(&key.sign(&json!({"iss": "c"})).unwrap());
        let expected = json!({"alg": "ES256", "typ": "JWT", "kid": "k1", "x5t": "YdYfJ_uflfHaKyVSN1cXfASVYHk",
            "x5t#S256": "fg1J4ox1nf9sXzX7Ge-WdfRPpaluu_NWiAmE6C1oays"});
        assert_eq!((header, claims), (expected, json!({"iss": "c"})));
        let Pair::Ec(pair) = &*key.pair else { unreachable!() };
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        public.verify(input.as_bytes(), &signature).unwrap();
        assert!(!format!("{key:?}").contains("pair"), "{key:?}");
    }

    #[test]
    fn an_rsa_key_signs_with_either_algorithm() {
        let (pem, public) = rsa_pem();
        assert_eq!(apart(&parse(&pem, None, None).unwrap().sign(&json!({})).unwrap()).0["alg"], "RS256");
        let pss = parse(&pem, None, Some("PS256")).unwrap();
        let (header, _, input, signature) = apart(&pss.sign(&json!({})).unwrap());
        assert_eq!(header["alg"], "PS256");
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public);
        public.verify(input.as_bytes(), &signature).unwrap();
        assert_eq!(parse(&pem, Some(CERTIFICATE), None), Err(SigningKeyError::AnotherKey));
    }

    #[test]
    fn a_key_is_read_in_every_usual_form_and_nothing_else_is_one() {
        assert!(parse(SEC1, Some(CERTIFICATE), Some("ES256")).is_ok());
        assert_eq!(parse(KEY, None, None), parse(KEY, None, None));
        assert_ne!(parse(KEY, None, None), parse(KEY, Some(CERTIFICATE), None));
        assert_eq!(parse(KEY, None, Some("ES384")), Err(SigningKeyError::Algorithm));
        assert_eq!(parse(KEY, None, Some("HS256")), Err(SigningKeyError::Algorithm));
        assert_eq!(parse(CERTIFICATE, None, None), Err(SigningKeyError::NoKey));
        assert_eq!(parse("", None, None), Err(SigningKeyError::NoKey));
        assert_eq!(parse(KEY, Some(KEY), None), Err(SigningKeyError::NoCertificate));
        let broken = KEY.replacen("GCCqGSM49AwEH", "GCCqGSM49AwEI", 1);
        assert_eq!(parse(&broken, None, None), Err(SigningKeyError::Kind));
    }
}
