//! Why a DPoP proof isn't accepted.

/// A reason for which a DPoP proof isn't accepted. Messages name the rule, never anything that stood in the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DpopError {
    /// There is none.
    #[error("the request has no DPoP field")]
    Missing,
    /// There is more than one.
    #[error("the request has more than one DPoP field")]
    Several,
    /// It isn't one signed token in the compact form.
    #[error("the proof is not one JWT: three parts of canonical base64url, with JSON objects of unique names")]
    Form,
    /// A header parameter that asks for something that isn't implemented.
    #[error("a header parameter of the proof is not accepted, or alg is missing")]
    Header,
    /// `typ` is another one.
    #[error("the proof's typ is not dpop+jwt")]
    Type,
    /// The algorithm isn't accepted, or doesn't fit the key.
    #[error("the proof's alg is not accepted, or does not fit its key")]
    Algorithm,
    /// The key is missing, weak, or written in another form than RFC 7518 has it.
    #[error("the proof's jwk is not a usable public key")]
    Key,
    /// The key's private part is there.
    #[error("the proof's jwk has a private part: the key is no longer secret")]
    PrivateKey,
    /// The signature doesn't verify.
    #[error("the proof's signature does not verify with its jwk")]
    Signature,
    /// A claim is missing or has the wrong type.
    #[error("the proof's claim {} is missing or malformed", .0.name())]
    Claim(ProofClaim),
    /// It was made for another method.
    #[error("the proof is for another method (htm)")]
    Method,
    /// It was made for another address.
    #[error("the proof is for another address (htu)")]
    Target,
    /// It was made too long ago, or too far in the future.
    #[error("the proof was made too long ago, or too far in the future (iat)")]
    Time,
    /// It was made for another token.
    #[error("the proof is for another token (ath)")]
    Token,
    /// It came before.
    #[error("the proof was used before (jti)")]
    Replayed,
    /// It has no nonce, or one that isn't ours or is too old.
    #[error("the proof has no nonce of this gateway, or an old one (nonce)")]
    Nonce,
    /// No more proofs can be remembered at this moment.
    #[error("the gateway can't remember more proofs at this moment")]
    Full,
}

/// A claim of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the registered ones")]
pub enum ProofClaim {
    Jti,
    Htm,
    Htu,
    Iat,
    Ath,
    Nonce,
    Exp,
    Nbf,
}

impl ProofClaim {
    /// Its registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Htm => "htm",
            Self::Htu => "htu",
            Self::Iat => "iat",
            Self::Ath => "ath",
            Self::Nonce => "nonce",
            Self::Exp => "exp",
            Self::Nbf => "nbf",
        }
    }
}
