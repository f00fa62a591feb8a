//! What all requests to the provider share.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::browsers::Browsers;
use super::clients::Clients;
use super::counters::Counters;
use super::faults::Faults;
use super::grants::Grants;
use super::interaction::Interactions;
use super::keys::KeyRing;
use super::pushed::Pushed;
use crate::people::Person;
use crate::tenants::Consents;
use mfa_gateway_core::clock::Clock;

/// Nonces and assertions beyond this many are forgotten, oldest first.
const MAX_REMEMBERED: usize = 4096;

/// What all requests share.
pub(crate) struct State {
    /// The issuer, with its trailing slash; every address of the provider starts with it.
    pub(super) issuer: String,
    pub(super) clock: Clock,
    pub(super) people: Vec<Person>,
    pub(super) keys: KeyRing,
    pub(super) grants: Grants,
    pub(super) browsers: Browsers,
    pub(super) interactions: Interactions,
    pub(super) pushed: Pushed,
    pub(super) clients: Clients,
    pub(super) consents: Consents,
    pub(super) faults: Faults,
    pub(super) counters: Counters,
    /// The users who have registered for MFA since the start.
    pub(super) registered: Mutex<BTreeSet<String>>,
    /// The ids of client assertions that were used.
    pub(super) assertions: Remembered,
    /// The nonces that went into ID tokens.
    pub(super) nonces: Remembered,
    /// What sends logout tokens, made when it is first needed.
    pub(super) http: OnceLock<Option<reqwest::Client>>,
    pub(super) dark: AtomicBool,
    pub(super) delay_millis: AtomicU64,
}

/// The latest of many texts.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<VecDeque<String>>);

impl State {
    pub(super) fn new(issuer: String, clock: Clock, people: Vec<Person>, keys: KeyRing) -> Self {
        Self {
            issuer,
            clock,
            people,
            keys,
            grants: Grants::default(),
            browsers: Browsers::default(),
            interactions: Interactions::default(),
            pushed: Pushed::default(),
            clients: Clients::default(),
            consents: Consents::default(),
            faults: Faults::default(),
            counters: Counters::default(),
            registered: Mutex::default(),
            assertions: Remembered::default(),
            nonces: Remembered::default(),
            http: OnceLock::new(),
            dark: AtomicBool::new(false),
            delay_millis: AtomicU64::new(0),
        }
    }

    /// The name of the cookie that tells browsers apart. Browsers share cookies between the ports of a host.
    pub(super) fn cookie(&self) -> String {
        let port: String = self.issuer.chars().rev().skip(1).take_while(char::is_ascii_digit).collect();
        format!("demo_idp_{}", port.chars().rev().collect::<String>())
    }

    /// Whether a user needs no registration for MFA: they did it here, or before.
    pub(super) fn is_registered(&self, person: &Person) -> bool {
        let signs_in_with_a_password_only = person.amr.is_some() && !person.always_completes_mfa();
        !signs_in_with_a_password_only
            || self.registered.lock().unwrap_or_else(PoisonError::into_inner).contains(&person.login)
    }

    /// Keeps in mind that a user has registered for MFA.
    pub(super) fn register(&self, person: &Person) {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(person.login.clone());
    }
}

impl Remembered {
    /// Remembers a text, and returns whether it is new.
    pub(super) fn remember(&self, text: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|other| other == text) {
            return false;
        }
        if known.len() >= MAX_REMEMBERED {
            known.pop_front();
        }
        known.push_back(text.to_owned());
        true
    }

    /// The latest text but this one.
    pub(super) fn before(&self, text: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().rev().find(|other| *other != text).cloned()
    }
}
