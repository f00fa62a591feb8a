//! The words of denials that are about a token's sender: what is wrong, and what to do about it.

use super::advice::Texts;
use super::sender::{SenderConstraint, SenderError};
use crate::token::DpopError;

/// Words, and what to do.
pub(super) fn texts(error: SenderError) -> Texts {
    let description = match error {
        SenderError::Bearer => "Access denied. The token is bound to a key (DPoP), and came as a bearer token.".into(),
        SenderError::Unbound => "Access denied. The token came with the scheme DPoP, and is not bound to a key.".into(),
        SenderError::OtherKey => "Access denied. The DPoP proof is of another key than the token's.".into(),
        SenderError::NoCertificate => {
            "Access denied. The token is bound to a client certificate, and the connection has none.".into()
        }
        SenderError::OtherCertificate => {
            "Access denied. The token is bound to another client certificate than the connection's.".into()
        }
        SenderError::Required(constraint) => {
            format!("Access denied. This resource takes only tokens that are bound to {}.", bound_to(constraint)).into()
        }
        SenderError::Proof(DpopError::Full) => {
            "The DPoP proof can't be judged now: the gateway remembers as many proofs as it may.".into()
        }
        SenderError::Proof(error) => format!("Access denied. The DPoP proof is not accepted: {error}.").into(),
    };
    (description, remedy(error).into())
}

fn bound_to(constraint: SenderConstraint) -> &'static str {
    match constraint {
        SenderConstraint::Any | SenderConstraint::Required => "a key (DPoP) or to a client certificate",
        SenderConstraint::Dpop => "a key (DPoP)",
        SenderConstraint::MutualTls => "a client certificate",
    }
}

fn remedy(error: SenderError) -> &'static str {
    match error {
        SenderError::Bearer | SenderError::Proof(DpopError::Missing) => {
            "Send `Authorization: DPoP <token>`, and in one field `DPoP` a proof for this request, signed with the token's key."
        }
        SenderError::Unbound => {
            "Send it as `Authorization: Bearer <token>`, or request a token with a DPoP proof, so that the issuer binds it to \
             your key."
        }
        SenderError::OtherKey => "Sign the proof with the key that the token was requested with.",
        SenderError::NoCertificate | SenderError::OtherCertificate => {
            "Connect with the client certificate that the token was requested with, directly to the gateway."
        }
        SenderError::Required(SenderConstraint::MutualTls) => {
            "Request a token over a connection with your client certificate, so that the issuer binds it to that, and send it \
             over such a connection."
        }
        SenderError::Required(SenderConstraint::Dpop) => {
            "Request a token with a DPoP proof, and send it as `Authorization: DPoP <token>` with a proof for each request."
        }
        SenderError::Required(_) => {
            "Request a token with a DPoP proof or over a connection with your client certificate, and show the same with each \
             request."
        }
        SenderError::Proof(error) => proof_remedy(error),
    }
}

fn proof_remedy(error: DpopError) -> &'static str {
    match error {
        DpopError::Full => "Nothing is wrong with the request. Try again after the time given in Retry-After.",
        DpopError::Nonce => "Make a new proof whose `nonce` is the value of the field `DPoP-Nonce` of this response.",
        DpopError::Target => {
            "Make the proof for the address that you request: scheme, host, port and path, without query. Behind a proxy, the \
             gateway's operator lists it in `trusted_proxies`."
        }
        DpopError::Time => "Make a new proof for each request, and check the clock.",
        DpopError::Algorithm => "Sign the proof with one of the algorithms in `algs` of the challenge.",
        DpopError::PrivateKey => "Make a new key and request a new token: this key is no longer secret.",
        _ => "Make a new proof for each request, as RFC 9449 section 4.2 has it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denial_says_what_is_wrong_and_what_to_do_in_whole_sentences() {
        let proofs = [
            DpopError::Missing,
            DpopError::Several,
            DpopError::Form,
            DpopError::Header,
            DpopError::Type,
            DpopError::Algorithm,
            DpopError::Key,
            DpopError::PrivateKey,
            DpopError::Signature,
            DpopError::Claim(crate::token::ProofClaim::Jti),
            DpopError::Method,
            DpopError::Target,
            DpopError::Time,
            DpopError::Token,
            DpopError::Replayed,
            DpopError::Nonce,
            DpopError::Full,
        ];
        let others = [
            SenderError::Bearer,
            SenderError::Unbound,
            SenderError::OtherKey,
            SenderError::NoCertificate,
            SenderError::OtherCertificate,
            SenderError::Required(SenderConstraint::Required),
            SenderError::Required(SenderConstraint::Dpop),
            SenderError::Required(SenderConstraint::MutualTls),
        ];
        for error in proofs.map(SenderError::Proof).into_iter().chain(others) {
            let (description, remedy) = texts(error);
            for text in [&description, &remedy] {
                assert!(text.ends_with('.') && !text.contains("..") && !text.contains("  "), "{error:?}: {text}");
            }
            assert_eq!(description.starts_with("Access denied. "), !error.is_ours(), "{description}");
        }
    }
}
