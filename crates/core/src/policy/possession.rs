//! The judgement about a token's sender.

use super::evidence::Proof;
use super::rule::Rule;
use super::sender::{Possession, SenderConstraint, SenderError};

impl Proof {
    /// The same, of a request that shows this of its sender.
    #[must_use]
    pub fn shown(&self, possession: Possession) -> Self {
        Self { possession: Some(Box::new(possession)), ..self.clone() }
    }
}

/// Whether the sender is the one that the token is for, and the token is bound as the rule asks. No mode and no exception
/// waives it.
pub(super) fn judge(rule: &Rule, proof: &Proof) -> Result<(), SenderError> {
    if proof.binding.is_none() && proof.possession.is_none() && rule.sender == SenderConstraint::Any {
        return Ok(());
    }
    let shown = proof.possession.as_deref().copied().unwrap_or_default();
    let binding = proof.binding.as_deref();
    match (binding.and_then(|binding| binding.key), shown.dpop) {
        (None, Some(_)) => return Err(SenderError::Unbound),
        (Some(_), None) => return Err(SenderError::Bearer),
        (Some(_), Some(Err(error))) => return Err(SenderError::Proof(error)),
        (Some(key), Some(Ok(shown))) if key != shown => return Err(SenderError::OtherKey),
        (None, None) | (Some(_), Some(Ok(_))) => {}
    }
    match (binding.and_then(|binding| binding.certificate), shown.certificate) {
        (Some(_), None) => return Err(SenderError::NoCertificate),
        (Some(certificate), Some(shown)) if certificate != shown => return Err(SenderError::OtherCertificate),
        (None, _) | (Some(_), Some(_)) => {}
    }
    if rule.sender.admits(binding) { Ok(()) } else { Err(SenderError::Required(rule.sender)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{IssuerProfile, Requirement, SenderConstraint};
    use crate::token::{Binding, DpopError, Thumbprint};

    fn print(byte: u8) -> Thumbprint {
        Thumbprint::of_certificate(&[byte])
    }

    /// What a request shows: of its proof and of its certificate.
    type Shown = (Option<Result<u8, DpopError>>, Option<u8>);

    fn judged(
        sender: SenderConstraint,
        binding: (Option<u8>, Option<u8>),
        shown: Option<Shown>,
    ) -> Result<(), SenderError> {
        let (key, certificate) = (binding.0.map(print), binding.1.map(print));
        let bound = (key.is_some() || certificate.is_some()).then(|| Box::new(Binding { key, certificate }));
        let possession = shown.map(|(dpop, certificate)| {
            let (dpop, certificate) = (dpop.map(|key| key.map(print)), certificate.map(print));
            Box::new(Possession { dpop, certificate, ..Possession::default() })
        });
        let proof = Proof { binding: bound, possession, ..Proof::of_user(IssuerProfile::default()) };
        judge(&Rule { sender, ..Requirement::Authenticated.into() }, &proof)
    }

    #[test]
    fn a_bound_token_is_worth_nothing_without_what_it_is_bound_to() {
        use SenderConstraint::Any;
        use SenderError::{Bearer, NoCertificate, OtherCertificate, OtherKey, Proof, Unbound};
        let missing = Proof(DpopError::Missing);
        for (binding, shown, expected) in [
            ((None, None), None, Ok(())),
            ((None, None), Some((None, Some(2))), Ok(())),
            ((None, None), Some((Some(Ok(1)), None)), Err(Unbound)),
            ((None, None), Some((Some(Err(DpopError::Missing)), None)), Err(Unbound)),
            ((Some(1), None), None, Err(Bearer)),
            ((Some(1), None), Some((None, Some(1))), Err(Bearer)),
            ((Some(1), None), Some((Some(Err(DpopError::Missing)), None)), Err(missing)),
            ((Some(1), None), Some((Some(Ok(2)), None)), Err(OtherKey)),
            ((Some(1), None), Some((Some(Ok(1)), None)), Ok(())),
            ((Some(1), None), Some((Some(Ok(1)), Some(9))), Ok(())),
            ((None, Some(2)), None, Err(NoCertificate)),
            ((None, Some(2)), Some((None, None)), Err(NoCertificate)),
            ((None, Some(2)), Some((None, Some(1))), Err(OtherCertificate)),
            ((None, Some(2)), Some((None, Some(2))), Ok(())),
            ((None, Some(2)), Some((Some(Ok(2)), Some(2))), Err(Unbound)),
            ((Some(1), Some(2)), Some((Some(Ok(1)), None)), Err(NoCertificate)),
            ((Some(1), Some(2)), Some((None, Some(2))), Err(Bearer)),
            ((Some(1), Some(2)), Some((Some(Ok(2)), Some(1))), Err(OtherKey)),
            ((Some(1), Some(2)), Some((Some(Ok(1)), Some(2))), Ok(())),
        ] {
            assert_eq!(judged(Any, binding, shown), expected, "{binding:?} {shown:?}");
        }
    }

    #[test]
    fn a_route_takes_the_kinds_that_it_names_and_covers_the_routes_that_take_more() {
        use SenderConstraint::{Any, Dpop, MutualTls, Required};
        let with_key = ((Some(1), None), Some((Some(Ok(1)), None)));
        let with_certificate = ((None, Some(2)), Some((None, Some(2))));
        for (constraint, unbound, key, certificate) in [
            (Any, true, true, true),
            (Required, false, true, true),
            (Dpop, false, true, false),
            (MutualTls, false, false, true),
        ] {
            let expected = |takes: bool| if takes { Ok(()) } else { Err(SenderError::Required(constraint)) };
            assert_eq!(judged(constraint, (None, None), None), expected(unbound), "{constraint:?}");
            assert_eq!(judged(constraint, with_key.0, with_key.1), expected(key), "{constraint:?}");
            assert_eq!(
                judged(constraint, with_certificate.0, with_certificate.1),
                expected(certificate),
                "{constraint:?}"
            );
        }
        assert!([Any, Required, Dpop, MutualTls].iter().all(|one| one.covers(Any) && one.covers(*one)));
        assert!(Dpop.covers(Required) && MutualTls.covers(Required) && !Required.covers(Dpop));
        assert!(!Any.covers(Required) && !Dpop.covers(MutualTls) && !MutualTls.covers(Dpop));
    }
}
