//! The ids of a request: the same in the response, the logs, and the upstream's request.

use http::HeaderMap;
use mfa_gateway_core::random::Random;
pub(crate) use mfa_gateway_layer::Ids;
use mfa_gateway_wire::{Presence, RawFields};

/// Takes the client's ids out of a request if they are well-formed, and creates them otherwise.
pub(super) fn take(headers: &mut HeaderMap, present: Presence, random: &Random) -> Ids {
    let sent = [present.has(Presence::REQUEST_ID), present.has(Presence::CORRELATION_ID)];
    Ids::take(headers, sent, random)
}

/// The fields that send them to the upstream.
pub(super) fn tell(ids: &Ids, lines: &mut RawFields) {
    let [request, correlation] = Ids::names();
    lines.push(request, &ids.request);
    lines.push(correlation, &ids.correlation);
}
