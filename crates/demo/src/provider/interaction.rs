//! Sign-ins that wait for a person: a page is shown, and its form continues where the page stood.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::request::AuthorizationRequest;
use mfa_gateway_core::clock::Timestamp;

/// Sign-ins beyond this many push out the oldest.
const MAX_WAITING: usize = 20_000;

/// A sign-in that has begun.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    /// Its id, in the addresses of its pages.
    pub(crate) id: String,
    /// The browser it happens in.
    pub(crate) browser: String,
    /// What the application asked for.
    pub(crate) request: AuthorizationRequest,
    /// How far it has come.
    pub(crate) progress: Progress,
}

/// How far a sign-in has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The user that was chosen on a page.
    pub(crate) who: Option<String>,
    /// Whether another user than the hinted one is to be chosen.
    pub(crate) other: bool,
    /// When the first factor was given in this sign-in.
    pub(crate) first_factor: Option<Timestamp>,
    /// Whether MFA was completed in this sign-in.
    pub(crate) mfa: bool,
    /// Where the registration for MFA stands.
    pub(crate) registration: Registering,
}

/// Where the registration for MFA stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Registering {
    /// The user doesn't know yet that it is needed.
    #[default]
    Unknown,
    /// The user is to choose a method.
    Choosing,
    /// The user has just chosen one.
    Done,
    /// The user has read that it is done.
    Read,
}

/// The sign-ins that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Interactions(Mutex<VecDeque<Interaction>>);

impl Interactions {
    /// Keeps a sign-in, in place of an earlier state of it.
    pub(crate) fn keep(&self, interaction: Interaction) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = waiting.iter_mut().rev().find(|known| known.id == interaction.id) {
            *known = interaction;
            return;
        }
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(interaction);
    }

    /// A sign-in that waits. It stays until it is over, so that a page can be loaded again.
    pub(crate) fn find(&self, id: &str) -> Option<Interaction> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().rev().find(|known| known.id == id).cloned()
    }

    /// Forgets a sign-in that is over.
    pub(crate) fn end(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known.id != id);
    }
}
