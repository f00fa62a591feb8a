//! What all requests to the provider share.

use std::sync::atomic::{AtomicBool, AtomicU64};

use mfa_gateway_core::clock::Clock;

use super::grants::Grants;
use super::keys::KeyRing;
use crate::people::Person;

/// What all requests share.
pub(crate) struct State {
    /// The issuer, with its trailing slash.
    pub(super) issuer: String,
    pub(super) clock: Clock,
    pub(super) people: Vec<Person>,
    pub(super) keys: KeyRing,
    pub(super) grants: Grants,
    pub(super) key_fetches: AtomicU64,
    pub(super) discovery_fetches: AtomicU64,
    pub(super) dark: AtomicBool,
    pub(super) delay_millis: AtomicU64,
}

impl State {
    pub(super) fn new(issuer: String, clock: Clock, people: Vec<Person>, keys: KeyRing) -> Self {
        Self {
            issuer,
            clock,
            people,
            keys,
            grants: Grants::default(),
            key_fetches: AtomicU64::new(0),
            discovery_fetches: AtomicU64::new(0),
            dark: AtomicBool::new(false),
            delay_millis: AtomicU64::new(0),
        }
    }
}
