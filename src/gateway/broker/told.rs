//! The token log: who got an access token of which consent, for what.

use std::sync::Arc;

use super::permission::Permission;
use crate::consent::{Issued, TokenError};
use crate::gateway::pipeline::Parts;
use crate::journal::TokenLine;

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
    let Parts { exchange, proof, .. } = parts;
    let (live, ids) = (&exchange.live, &exchange.ids);
    if way == Way::Injected && result.is_ok_and(|issued| !issued.is_first_use()) {
        return;
    }
    let (proof, settings) = (proof.as_deref(), permission.keeper.settings());
    let wanted = &permission.wanted;
    let time = live.clock.now().to_rfc3339();
    let expires = result.ok().map(|issued| issued.expires.to_rfc3339());
    let trace = result.ok().map(|issued| issued.request_id.as_str());
    live.journal.token(&TokenLine {
        event: "token".into(),
        time: time.into(),
        request_id: ids.request.to_str().unwrap_or_default().into(),
        correlation_id: ids.correlation.to_str().unwrap_or_default().into(),
        caller: permission.caller.name.as_str().into(),
        issuer: proof.map(|proof| proof.issuer.name.as_str().into()),
        application: proof.and_then(|proof| proof.principal.app().id.as_deref()).map(Into::into),
        consent: settings.name.as_str().into(),
        tenant: wanted.tenant.as_deref().or(settings.tenant.as_deref()).map(Into::into),
        scope: wanted.scope.as_deref().or(settings.scope.as_deref()).map(Into::into),
        way: way.name().into(),
        result: result.map_or_else(TokenError::code, |_| "ok").into(),
        why: result.err().and_then(TokenError::why).map(Into::into),
        mfa: result.ok().and_then(|issued| issued.mfa),
        token_hash: result.ok().map(|issued| issued.hash().into()),
        expires: expires.map(Into::into),
        issuer_request_id: trace.map(Into::into),
    });
}
