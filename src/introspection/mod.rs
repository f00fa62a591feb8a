//! Opaque tokens: only their issuer can say what they are (RFC 7662), so that it is asked, briefly remembered, and never
//! flooded.
//!
//! [`Introspector`] asks for one issuer. What the issuer says is judged by the rules for its JWTs; where it can't be asked, the
//! request gets 503, and never 401.

mod answers;
mod ask;
mod introspector;
mod metrics;
mod settings;

pub(crate) use introspector::Introspector;
pub(crate) use metrics::IntrospectionMetrics;
pub(crate) use settings::{IntrospectionSettings, ResponseForm};
