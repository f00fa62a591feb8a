//! The token that is explained: whose it is, and what authentication would find.

use std::sync::Arc;

use super::{Live, Question};
use mfa_gateway_core::policy::{Evidence, Possession, Proof};
use mfa_gateway_core::token::{KeySet, Unverified};
use mfa_gateway_layer::{Credential, Issuer, judge};

/// The issuer whose keys are needed to judge a token, if it names one.
#[must_use]
pub(crate) fn issuer_of<'l>(live: &'l Live, token: &str) -> Option<&'l Issuer> {
    live.judge.authenticator.issuer_of(&Unverified::parse(token).ok()?).ok()
}

/// The token of a question, if it presents one. It arrived as text.
#[must_use]
pub(crate) fn token_in<'q>(question: &Question<'q>) -> Option<&'q str> {
    match question.credential {
        Credential::Bearer(token) | Credential::Dpop(token) => std::str::from_utf8(token).ok(),
        Credential::None | Credential::Malformed => None,
    }
}

/// What authentication would find. The token is not cached.
pub(super) fn evidence(live: &Live, question: &Question<'_>, keys: Option<&KeySet>) -> Evidence {
    let Some(token) = token_in(question) else { return Evidence::None };
    let judged = live.judge.authenticator.admit(token).and_then(|()| Unverified::parse(token)).and_then(|unverified| {
        let issuer = live.judge.authenticator.issuer_of(&unverified)?;
        let Some(keys) = keys else { return Ok(None) };
        let keys = issuer.keys_in(keys, &unverified)?;
        let profile = (issuer.profile(), live.judge.authenticator.revocations());
        judge(unverified, &keys, issuer.rules(), profile, &live.clock).map(|(proof, _)| Some(proof))
    });
    match judged {
        Ok(Some(proof)) => Evidence::Token(as_if_shown(Arc::new(proof))),
        Ok(None) => Evidence::KeysUnavailable,
        Err(error) => Evidence::Invalid(error),
    }
}

/// A token alone can't show its sender, so that it counts as shown.
pub(super) fn as_if_shown(proof: Arc<Proof>) -> Arc<Proof> {
    match proof.binding.as_deref() {
        Some(binding) => Arc::new(proof.shown(Possession::of(Some(binding)))),
        None => proof,
    }
}
