//! The ids of a request: the same in the response, the logs, and the upstream's request.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_core::random::Random;
use mfa_gateway_wire::{Presence, RawFields};

/// Partner Center's request id: the same on a retry.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
/// Partner Center's correlation id: the same for a chain of calls.
pub(super) static CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");

/// The ids of a request. None of its own fields contains them.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(super) request: HeaderValue,
    pub(super) correlation: HeaderValue,
}

impl Ids {
    /// Takes the client's ids out of a request if they are well-formed, and creates them otherwise.
    pub(super) fn take(headers: &mut HeaderMap, present: Presence, random: &Random) -> Self {
        let mut sent = |any, name| if present.has(any) { taken(headers, name) } else { None };
        let ids = (sent(Presence::REQUEST_ID, &REQUEST_ID), sent(Presence::CORRELATION_ID, &CORRELATION_ID));
        if let (Some(request), Some(correlation)) = ids {
            return Self { request, correlation };
        }
        let [one, other] = random_ids(random);
        Self { request: ids.0.unwrap_or(one), correlation: ids.1.unwrap_or(other) }
    }

    /// The fields that send them to the upstream.
    pub(super) fn tell(&self, lines: &mut RawFields) {
        lines.push(&REQUEST_ID, &self.request);
        lines.push(&CORRELATION_ID, &self.correlation);
    }

    /// Puts the ids into a response. An upstream's own would stand in no log of the gateway.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        headers.reserve(2);
        headers.insert(&REQUEST_ID, self.request.clone());
        headers.insert(&CORRELATION_ID, self.correlation.clone());
    }
}

/// The id that the client sent, if it is single and well-formed. The client's fields are always removed.
fn taken(headers: &mut HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let is_one = headers.get_all(name).iter().count() == 1;
    headers.remove(name).filter(|value| is_one && is_well_formed(value))
}

/// Two ids that share their memory.
fn random_ids(random: &Random) -> [HeaderValue; 2] {
    let ids = [random.uuid_ascii(), random.uuid_ascii()];
    let mut one = BytesMut::from(ids.as_flattened());
    let other = one.split_off(one.len() / 2);
    // A UUID is visible ASCII.
    let value = |id: BytesMut| HeaderValue::from_maybe_shared(id.freeze());
    [one, other].map(|id| value(id).unwrap_or_else(|_| HeaderValue::from_static("-")))
}

/// A GUID, or another short word without characters that mean something in logs or markup.
fn is_well_formed(value: &HeaderValue) -> bool {
    (1..=64).contains(&value.len())
        && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
