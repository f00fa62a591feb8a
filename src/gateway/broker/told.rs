//! The token log: who got an access token of which consent, for what.

use std::sync::Arc;

use super::permission::Permission;
use crate::consent::{Issued, TokenError};
use crate::gateway::Reason;
use crate::gateway::pipeline::Parts;
use crate::journal::TokenLine;

/// The longest name of a consent that is logged where there may be none of it.
const MAX_NAME: usize = 64;

/// How a program gets an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Its upstream receives it.
    Injected,
    /// It receives it itself.
    HandedOut,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::HandedOut => "handed_out",
        }
    }
}

/// Writes a line: for each token that is handed out, for the first request that gets it injected, and for each failure.
pub(super) fn tell(parts: &Parts, permission: &Permission<'_>, result: Result<&Arc<Issued>, &TokenError>, way: Way) {
    if way == Way::Injected && result.is_ok_and(|issued| !issued.is_first_use()) {
        return;
    }
    let settings = permission.keeper.settings();
    let wanted = &permission.wanted;
    let issued = result.ok();
    write(parts, way, |line| TokenLine {
        caller: Some(permission.caller.name.as_str().into()),
        consent: settings.name.as_str().into(),
        tenant: wanted.tenant.as_deref().or(settings.tenant.as_deref()).map(Into::into),
        scope: wanted.scope.as_deref().or(settings.scope.as_deref()).map(Into::into),
        result: result.map_or_else(TokenError::code, |_| "ok").into(),
        why: result.err().and_then(TokenError::why).map(Into::into),
        mfa: issued.and_then(|issued| issued.mfa),
        token_hash: issued.map(|issued| issued.hash().into()),
        expires: issued.map(|issued| issued.expires.to_rfc3339().into()),
        issuer_request_id: issued.map(|issued| issued.request_id.as_str().into()),
        ..line
    });
}

/// Writes a line for what a caller may not have.
pub(super) fn tell_refusal(parts: &Parts, consent: &str, reason: &Reason, way: Way) {
    let caller = parts.proof.as_deref().and_then(|proof| parts.exchange.live.consent_callers.of(proof));
    // Callers write what they like.
    let consent: String = consent.chars().take(MAX_NAME).collect();
    write(parts, way, |line| TokenLine {
        caller: caller.map(|caller| caller.name.as_str().into()),
        consent: consent.into(),
        result: reason.code().into(),
        ..line
    });
}

/// Writes a line, beginning with what is known of its request.
fn write<'a>(parts: &'a Parts, way: Way, fill: impl FnOnce(TokenLine<'a>) -> TokenLine<'a>) {
    let Parts { exchange, proof, .. } = parts;
    let (live, ids, proof) = (&exchange.live, &exchange.ids, proof.as_deref());
    let begun = TokenLine {
        event: "token".into(),
        time: live.clock.now().to_rfc3339().into(),
        request_id: ids.request.to_str().unwrap_or_default().into(),
        correlation_id: ids.correlation.to_str().unwrap_or_default().into(),
        issuer: proof.map(|proof| proof.issuer.name.as_str().into()),
        application: proof.and_then(|proof| proof.principal.app().id.as_deref()).map(Into::into),
        way: way.name().into(),
        ..TokenLine::default()
    };
    live.journal.token(&fill(begun));
}
