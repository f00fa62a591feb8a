//! Client certificates as evidence, on routes that use consents: the handshake has verified it, and the names in it are the
//! program's.
//!
//! Browsers send client certificates by themselves, whichever page makes the request. So a request that a browser has made is
//! no program's.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, ORIGIN};
use mfa_gateway_core::policy::{Evidence, IssuerProfile, Possession, Proof};
use mfa_gateway_core::token::Binding;

use crate::consent::CERTIFICATE_ISSUER;
use crate::gateway::Routed;
use crate::gateway::token_place;
use crate::routing::Responder;

/// The evidence of a program's client certificate, if the request has no token and the configuration knows the program.
pub(in crate::gateway) fn evidence(routed: &Routed) -> Option<Evidence> {
    let Routed { sanitized, route } = routed;
    if route.consent.is_none() && route.responder != Responder::TokenBroker {
        return None;
    }
    let exchange = &sanitized.exchange;
    let names = &exchange.peer.as_ref()?.names;
    let fields = exchange.request.headers();
    if names.is_empty() || has_token(routed, fields) || is_of_browser(fields) {
        return None;
    }
    let caller = exchange.live.consent_callers.with_certificate(names.iter().map(String::as_str))?;
    let name = caller.certificate()?.to_owned();
    let profile = IssuerProfile { name: CERTIFICATE_ISSUER.to_owned(), ..IssuerProfile::default() };
    let certificate = exchange.peer.as_ref().and_then(|peer| peer.thumbprint);
    let binding = certificate.map(|_| Binding { key: None, certificate });
    let proof =
        Proof::of_application(Arc::new(profile), name).shown(Possession { certificate, ..Possession::default() });
    Some(Evidence::Token(Arc::new(Proof { binding: binding.map(Box::new), ..proof })))
}

/// A token counts alone, valid or not.
fn has_token(routed: &Routed, fields: &HeaderMap) -> bool {
    fields.contains_key(AUTHORIZATION) || token_place::count(&routed.route.token_from, fields) > 0
}

/// Whether a browser has made the request, by the fields that it adds and pages can't change.
fn is_of_browser(fields: &HeaderMap) -> bool {
    fields.contains_key(ORIGIN) || fields.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}
