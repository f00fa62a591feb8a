//! Tokens that are bound to their senders: what a route asks, and what a request shows.

use crate::token::{Binding, DpopError, Thumbprint};

/// Whether a route takes only tokens that are bound to their senders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SenderConstraint {
    /// It takes unbound ones, too. A bound one must be shown to be its sender's all the same.
    #[default]
    Any,
    /// It takes those that are bound to a key or a certificate.
    Required,
    /// It takes those that are bound to a key of DPoP proofs.
    Dpop,
    /// It takes those that are bound to a client certificate.
    MutualTls,
}

impl SenderConstraint {
    /// Whether every token that this takes is taken by `other`, too.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == other || other == Self::Any || other == Self::Required && self != Self::Any
    }

    pub(super) fn admits(self, binding: Option<&Binding>) -> bool {
        match self {
            Self::Any => true,
            Self::Required => binding.is_some(),
            Self::Dpop => binding.is_some_and(|binding| binding.key.is_some()),
            Self::MutualTls => binding.is_some_and(|binding| binding.certificate.is_some()),
        }
    }

    /// Whether a client may be asked for a DPoP proof.
    #[must_use]
    pub fn takes_dpop(self) -> bool {
        self != Self::MutualTls
    }

    /// The word for it in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Required => "required",
            Self::Dpop => Binding::DPOP,
            Self::MutualTls => Binding::MUTUAL_TLS,
        }
    }
}

/// What a request shows of its sender besides the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Possession {
    /// The key of its DPoP proof, if the token came with the scheme `DPoP`.
    pub dpop: Option<Result<Thumbprint, DpopError>>,
    /// The client certificate of its connection.
    pub certificate: Option<Thumbprint>,
    /// Whether its proof came before, where that is no reason yet: the request was refused, and is asked about for its refusal.
    pub came_before: bool,
    /// Whether the nonce of its proof is about to end, so that its response has the next one.
    pub nonce_ends: bool,
}

impl Possession {
    /// All that such a token needs: where a token is judged without its request.
    #[must_use]
    pub fn of(binding: Option<&Binding>) -> Self {
        let (key, certificate) = binding.map_or((None, None), |binding| (binding.key, binding.certificate));
        Self { dpop: key.map(Ok), certificate, ..Self::default() }
    }
}

/// Why the sender of a request isn't shown to be the one that its token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SenderError {
    /// The token is bound to a key, and came as a bearer token.
    Bearer,
    /// The token came with the scheme `DPoP`, and is bound to no key.
    Unbound,
    /// The DPoP proof isn't accepted.
    Proof(DpopError),
    /// The proof is of another key.
    OtherKey,
    /// The connection has no client certificate.
    NoCertificate,
    /// The connection has another client certificate.
    OtherCertificate,
    /// The route takes only tokens that are bound in this way.
    Required(SenderConstraint),
}

impl SenderError {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Bearer => "bound_token_as_bearer",
            Self::Unbound => "token_not_bound",
            Self::Proof(DpopError::Missing) => "dpop_proof_missing",
            Self::Proof(DpopError::Replayed) => "dpop_proof_replayed",
            Self::Proof(DpopError::Nonce) => "dpop_nonce_required",
            Self::Proof(DpopError::Full) => "dpop_memory_full",
            Self::Proof(_) => "dpop_proof_invalid",
            Self::OtherKey => "dpop_key_mismatch",
            Self::NoCertificate => "certificate_missing",
            Self::OtherCertificate => "certificate_mismatch",
            Self::Required(_) => "binding_required",
        }
    }

    /// Whether the gateway itself is the cause.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self == Self::Proof(DpopError::Full)
    }

    /// Whether a DPoP proof would help.
    #[must_use]
    pub fn is_about_dpop(self) -> bool {
        match self {
            Self::Bearer | Self::Unbound | Self::Proof(_) | Self::OtherKey => true,
            Self::NoCertificate | Self::OtherCertificate => false,
            Self::Required(constraint) => constraint.takes_dpop(),
        }
    }
}
