//! The members of a decision's line that are lists.

use std::borrow::Cow;
use std::sync::Arc;

use mfa_gateway_core::policy::Proof;

/// What a token is bound to.
pub(super) fn bound_to(proof: &Proof) -> Vec<Cow<'_, str>> {
    proof.binding.iter().flat_map(|binding| binding.kinds()).map(Cow::from).collect()
}

/// The names of roles.
pub(super) fn names(roles: &[Arc<str>]) -> Vec<Cow<'_, str>> {
    roles.iter().map(|role| Cow::Borrowed(&**role)).collect()
}
