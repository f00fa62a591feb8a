//! The ids of a request: Partner Center's request id, and its correlation id.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_core::random::Random;

/// Partner Center's request id: the same on a retry.
static REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
/// Partner Center's correlation id: the same for a chain of calls.
static CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");

/// The ids of a request.
#[derive(Clone, Debug)]
pub struct Ids {
    /// The request's own id.
    pub request: HeaderValue,
    /// That of a chain of calls.
    pub correlation: HeaderValue,
}

impl Ids {
    /// The fields that hold them, in the order of the type's.
    #[must_use]
    pub fn names() -> [&'static HeaderName; 2] {
        [&REQUEST_ID, &CORRELATION_ID]
    }

    /// The client's ids if they are well-formed, and new ones otherwise.
    #[must_use]
    pub fn of(headers: &HeaderMap, random: &Random) -> Self {
        let sent = |name| only(headers, name).filter(|value| is_well_formed(value)).cloned();
        Self::or_random([sent(&REQUEST_ID), sent(&CORRELATION_ID)], random)
    }

    /// Takes the client's ids out of a request if they are well-formed, and creates them otherwise. `sent` is whether
    /// there may be such fields.
    pub fn take(headers: &mut HeaderMap, sent: [bool; 2], random: &Random) -> Self {
        let mut take = |sent, name| if sent { taken(headers, name) } else { None };
        Self::or_random([take(sent[0], &REQUEST_ID), take(sent[1], &CORRELATION_ID)], random)
    }

    fn or_random(sent: [Option<HeaderValue>; 2], random: &Random) -> Self {
        match sent {
            [Some(request), Some(correlation)] => Self { request, correlation },
            [request, correlation] => {
                let [one, other] = random_ids(random);
                Self { request: request.unwrap_or(one), correlation: correlation.unwrap_or(other) }
            }
        }
    }

    /// The request's own id as text.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request.to_str().unwrap_or_default()
    }

    /// Puts the ids into a response. A service's own would stand in no log of the gateway.
    pub fn put(&self, headers: &mut HeaderMap) {
        headers.reserve(2);
        headers.insert(&REQUEST_ID, self.request.clone());
        headers.insert(&CORRELATION_ID, self.correlation.clone());
    }
}

/// The value of a field that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
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
