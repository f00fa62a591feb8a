//! The judgement of a token: signature, issuer, audience, time, in that order.

use std::sync::Arc;
use std::time::Duration;

use super::condition::all_hold;
use super::key_set::MAX_CANDIDATES;
use super::object::Object;
use super::{
    Algorithm, AuthTimeForm, Claim, Claims, ClassRule, Condition, IssuerRule, Key, TokenError, Unverified, Validity,
};
use crate::clock::Timestamp;

/// What an issuer's tokens must be like.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// What `iss` must be.
    pub issuer: IssuerRule,
    /// Conditions that bind a token to this issuer; all must hold.
    pub required: Vec<Condition>,
    /// The accepted audiences; one of them must stand in `aud`.
    pub audiences: Vec<String>,
    /// The clients whose access tokens need no `aud`, for an issuer that writes none.
    pub client_ids: Vec<String>,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ.
    pub clock_skew: Duration,
    /// What tells applications and users apart.
    pub class: ClassRule,
    /// How the issuer writes the time of a sign-in.
    pub auth_time: AuthTimeForm,
}

/// A token that an issuer signed for us, whatever the time.
#[derive(Debug)]
pub struct Genuine {
    payload: Object,
    validity: Validity,
    key: Arc<Key>,
}

impl Genuine {
    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// Checks the time and what comes after it.
    pub fn check(self, rules: &TokenRules, now: Timestamp) -> Result<(Claims, Arc<Key>), TokenError> {
        Ok((claims_of(self.payload, self.validity, rules, now)?, self.key))
    }
}

impl Unverified<'_> {
    /// Checks the token, and hands out its claims and the key that signed it if it is valid. The candidates are those
    /// of [`super::KeySet::find`].
    ///
    /// # Errors
    ///
    /// The first check that failed, in the order of [`super::Check`].
    pub fn verify(
        self,
        candidates: &[Arc<Key>],
        rules: &TokenRules,
        now: Timestamp,
    ) -> Result<(Claims, Arc<Key>), TokenError> {
        self.genuine(candidates, rules)?.check(rules, now)
    }

    /// Checks all that comes before the time.
    pub fn genuine(self, candidates: &[Arc<Key>], rules: &TokenRules) -> Result<Genuine, TokenError> {
        let key = Arc::clone(self.signer(candidates, &rules.algorithms, &rules.issuer)?);
        let validity = accept(&self.payload, rules)?;
        Ok(Genuine { payload: self.payload, validity, key })
    }

    /// The candidate that signed the token and may sign for its issuer. The bound on them bounds what a forged token
    /// costs.
    pub(super) fn signer<'k>(
        &self,
        candidates: &'k [Arc<Key>],
        algorithms: &[Algorithm],
        issuer: &IssuerRule,
    ) -> Result<&'k Arc<Key>, TokenError> {
        if self.is_for_graph() {
            return Err(TokenError::Graph);
        }
        let algorithm =
            self.algorithm.filter(|algorithm| algorithms.contains(algorithm)).ok_or(TokenError::Algorithm)?;
        let mut failure = TokenError::KeyUnknown;
        for key in candidates.iter().take(MAX_CANDIDATES) {
            let signed = key.verify(algorithm, self.signing_input, &self.signature);
            match signed.and_then(|()| issuer.check(&self.payload, key)) {
                Ok(()) => return Ok(key),
                // What got furthest says most.
                Err(error) if error.check() >= failure.check() => failure = error,
                Err(_) => {}
            }
        }
        if failure == TokenError::Signature && self.has_nonce { Err(TokenError::Graph) } else { Err(failure) }
    }
}

/// Checks what comes between the issuer and the time, and reads when the token is valid.
pub(super) fn accept(payload: &Object, rules: &TokenRules) -> Result<Validity, TokenError> {
    if !all_hold(&rules.required, |path| payload.at(path)) {
        return Err(TokenError::ClaimMismatch);
    }
    check_audience(payload, &rules.audiences, &rules.client_ids)?;
    Validity::read(payload, rules.clock_skew)
}

/// Checks the time and what comes after it.
pub(super) fn claims_of(
    payload: Object,
    validity: Validity,
    rules: &TokenRules,
    now: Timestamp,
) -> Result<Claims, TokenError> {
    validity.check(now)?;
    // They name the caller to logs, limits and upstreams.
    for name in ["sub", "oid"] {
        payload.optional_text(name)?;
    }
    let claims = Claims::new(payload, validity);
    rules.class.application.read(&claims)?;
    Ok(claims)
}

/// `aud` is a string or an array of strings (RFC 7519 section 4.1.3), compared exactly.
fn check_audience(payload: &Object, expected: &[String], clients: &[String]) -> Result<(), TokenError> {
    let Some(claim) = payload.get("aud") else { return check_client(payload, clients) };
    let is_ours = |audience: &str| expected.iter().any(|ours| ours == audience);
    let found = match claim.as_str() {
        Some(one) => is_ours(one),
        None => claim.strings().ok_or(TokenError::ClaimMalformed("aud"))?.into_iter().any(is_ours),
    };
    if found { Ok(()) } else { Err(TokenError::Audience) }
}

/// Without `aud`, a token must be a listed client's, and say itself that it is an access token: nothing else tells it from
/// an ID token.
fn check_client(payload: &Object, clients: &[String]) -> Result<(), TokenError> {
    if clients.is_empty() {
        return Err(TokenError::ClaimMissing("aud"));
    }
    let text = |name| payload.get(name).and_then(Claim::as_str);
    let is_listed = text("client_id").is_some_and(|client| clients.iter().any(|listed| listed == client));
    if is_listed && text("token_use") == Some("access") { Ok(()) } else { Err(TokenError::Client) }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::token::AppOnlyProof;

    fn pair() -> EcdsaKeyPair {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
    }

    fn jwk(pair: &EcdsaKeyPair) -> Value {
        let point = pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y})
    }

    fn key(jwk: &Value) -> Arc<Key> {
        Arc::new(Key::from_jwk(jwk).unwrap())
    }

    /// Which of the candidates is said to have signed.
    fn signer(
        pair: &EcdsaKeyPair,
        claims: &Value,
        issuer: &str,
        keys: &[Arc<Key>],
    ) -> Result<Option<usize>, TokenError> {
        let rules = TokenRules {
            issuer: IssuerRule::of(issuer),
            audiences: vec!["api".to_owned()],
            algorithms: vec![Algorithm::Es256],
            clock_skew: Duration::ZERO,
            required: Vec::new(),
            client_ids: Vec::new(),
            class: AppOnlyProof::None.into(),
            auth_time: AuthTimeForm::Seconds,
        };
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        let input = format!("{}.{}", encode(r#"{"alg":"ES256"}"#), encode(&claims.to_string()));
        let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        let (_, signer) = Unverified::parse(&token).unwrap().verify(keys, &rules, Timestamp::from_secs(1000))?;
        Ok(keys.iter().position(|key| Arc::ptr_eq(key, &signer)))
    }

    #[test]
    fn the_key_that_signed_is_found_among_four_candidates_and_named() {
        let pairs = [(); 5].map(|()| pair());
        let keys = pairs.each_ref().map(|pair| key(&jwk(pair)));
        let claims = json!({"iss": "i", "aud": "api", "exp": 2000});
        let signers = pairs.each_ref().map(|pair| signer(pair, &claims, "i", &keys));
        assert_eq!(signers, [Ok(Some(0)), Ok(Some(1)), Ok(Some(2)), Ok(Some(3)), Err(TokenError::Signature)]);
        assert_eq!(signer(&pairs[0], &claims, "i", &[]), Err(TokenError::KeyUnknown));
    }

    #[test]
    fn a_key_that_is_published_for_several_issuers_signs_for_each_and_for_no_other() {
        let tenants = ["1", "2", "3"].map(|digit| format!("df845f1a-7b35-40a2-ba78-6481de91f8a{digit}"));
        let issuers = tenants.each_ref().map(|tenant| format!("https://login.microsoftonline.com/{tenant}/v2.0"));
        let pair = pair();
        let keys = [0, 1].map(|at| {
            let mut jwk = jwk(&pair);
            jwk["issuer"] = json!(issuers[at]);
            key(&jwk)
        });
        let signers = [0, 1, 2].map(|at: usize| {
            let claims = json!({"iss": issuers[at], "tid": tenants[at], "aud": "api", "exp": 2000});
            signer(&pair, &claims, &issuers[at], &keys)
        });
        assert_eq!(signers, [Ok(Some(0)), Ok(Some(1)), Err(TokenError::KeyIssuer)]);
    }

    #[test]
    fn an_audience_is_a_string_or_strings_and_exact() {
        let ours = ["api".to_owned()];
        let check = |aud: Value| check_audience(&Object::of(&json!({ "aud": aud })), &ours, &["c".to_owned()]);
        assert_eq!(check(json!("api")), Ok(()));
        assert_eq!(check(json!(["x", "api"])), Ok(()));
        for other in [json!("api/"), json!("API"), json!([]), json!(["x"]), json!("")] {
            assert_eq!(check(other), Err(TokenError::Audience));
        }
        for odd in [json!(["api", 1]), json!(1), json!(null), json!({"api": 1}), json!([["api"]])] {
            assert_eq!(check(odd), Err(TokenError::ClaimMalformed("aud")));
        }
        assert_eq!(check_audience(&Object::of(&json!({})), &ours, &[]), Err(TokenError::ClaimMissing("aud")));
    }

    #[test]
    fn without_an_audience_a_token_is_an_access_token_of_a_listed_client() {
        let clients = ["c".to_owned()];
        let check = |claims: Value| check_audience(&Object::of(&claims), &["api".to_owned()], &clients);
        assert_eq!(check(json!({"client_id": "c", "token_use": "access"})), Ok(()));
        for other in [
            json!({"client_id": "d", "token_use": "access"}),
            json!({"client_id": ["c"], "token_use": "access"}),
            json!({"token_use": "access"}),
            json!({"client_id": "c"}),
            json!({"client_id": "c", "token_use": "id"}),
            json!({"client_id": "c", "token_use": ["access"]}),
        ] {
            assert_eq!(check(other.clone()), Err(TokenError::Client), "{other}");
        }
        let with_audience = |aud: Value| check(json!({"aud": aud, "client_id": "c", "token_use": "access"}));
        assert_eq!(with_audience(json!("other")), Err(TokenError::Audience));
        assert_eq!(with_audience(json!(null)), Err(TokenError::ClaimMalformed("aud")));
    }
}
