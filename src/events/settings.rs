//! What the configuration says of security events.

use std::time::Duration;

use crate::oidc::Secret;
use mfa_gateway_core::token::{EventKind, IssuerRule, SecurityEventRules};

/// What the configuration says of security events.
#[derive(Clone, Debug)]
pub(crate) struct EventSettings {
    /// How long a revocation is kept: no token lives longer.
    pub(crate) keep: Duration,
    /// How long the store may be silent before revocations count as unknown.
    pub(crate) outage: Duration,
    /// Who may send them.
    pub(crate) transmitters: Vec<TransmitterSettings>,
}

/// A transmitter of security events.
#[derive(Clone, Debug)]
pub(crate) struct TransmitterSettings {
    /// Its name in the log and in metrics.
    pub(crate) name: String,
    /// Where its keys come from: the place in [`crate::config::Config::keys`].
    pub(crate) keys: usize,
    /// What its tokens must be like.
    pub(crate) rules: SecurityEventRules,
    /// What it must present as a bearer token: one of these; nothing if there are none.
    pub(crate) tokens: Vec<Secret>,
    /// The issuers whose users it speaks of.
    pub(crate) of: Vec<IssuerRule>,
    /// Whether it may name users by their addresses.
    pub(crate) by_email: bool,
    /// The events that count.
    pub(crate) events: Vec<EventKind>,
}
