//! Whether a route takes only tokens that are bound to their senders, from the file.

use super::problem::Problems;
use super::{dpop, file};
use crate::routing::Route;
use mfa_gateway_core::policy::SenderConstraint;
use mfa_gateway_layer::SenderSettings;

pub(super) fn constraint(file: file::SenderConstrained) -> SenderConstraint {
    match file {
        file::SenderConstrained::Any => SenderConstraint::Any,
        file::SenderConstrained::Required => SenderConstraint::Required,
        file::SenderConstrained::Dpop => SenderConstraint::Dpop,
        file::SenderConstrained::Mtls => SenderConstraint::MutualTls,
    }
}

/// What contradicts a constraint. A session is bound to nothing but its cookie.
pub(super) fn check(path: &str, file: &file::Route, problems: &mut Problems<'_>) {
    let path = format!("{path}.sender_constrained");
    if file.sender_constrained == file::SenderConstrained::Any {
        return;
    }
    if file.takes() != file::Credential::Bearer {
        let message = "the route takes sessions, and none of them is bound to its sender";
        problems.add(&path, message, "remove it, or give programs a route of their own with `credential: bearer`");
    }
    if file.sender_constrained == file::SenderConstrained::Dpop
        && matches!(file.token_from, Some(file::TokenFrom::Other(_)))
    {
        let message = "a token that is bound to a key stands in `Authorization`, and `token_from` is another place";
        problems.add(&path, message, "remove `token_from`, or write `required` or `mtls`");
    }
}

/// How senders are known, for routes on these listeners.
pub(super) fn build(
    file: &file::Dpop,
    routes: &[Route],
    server: &crate::server::Settings,
    problems: &mut Problems<'_>,
) -> SenderSettings {
    check_certificates(routes, server, problems);
    dpop::build(file, problems)
}

/// Checks that somebody could have a client certificate where a route needs one.
fn check_certificates(routes: &[Route], server: &crate::server::Settings, problems: &mut Problems<'_>) {
    if server.asks_clients() {
        return;
    }
    for (at, _) in routes.iter().enumerate().filter(|(_, route)| route.rule.sender == SenderConstraint::MutualTls) {
        let message = "no listener asks clients for certificates, so nobody could call";
        let fix = "add `client_certificates` to the `tls` of a listener, or write `any` or `dpop`";
        problems.add(&format!("routes[{at}].sender_constrained"), message, fix);
    }
}
