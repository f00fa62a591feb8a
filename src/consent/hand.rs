//! What a process has in hand of a consent. A reload changes settings and keys, and nothing of this.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mfa_gateway_store::Envelope;
use tokio::sync::{Mutex as Turn, MutexGuard, OwnedMutexGuard};

use super::state::ConsentState;

/// The generation that no refresh token has.
const NONE: i64 = -1;

/// What a process has in hand of a consent.
#[derive(Debug)]
pub(super) struct Hand {
    /// One use of the refresh token at a time.
    turn: Turn<()>,
    /// One program's next use at a time stands in line for that. So no program waits for more than one use of each other one.
    lines: Mutex<HashMap<Box<str>, Arc<Turn<()>>>>,
    /// The next refresh token, if the store could not take it yet.
    owed: Mutex<Option<Owed>>,
    /// The generation whose refresh token the issuer may have seen without that its answer came.
    unanswered: AtomicI64,
}

/// A refresh token that the store could not take yet.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    /// The generation that it replaces.
    pub(super) generation: i64,
    pub(super) envelope: Envelope,
    pub(super) mfa: bool,
    pub(super) state: ConsentState,
    pub(super) at: i64,
}

impl Default for Hand {
    fn default() -> Self {
        let (turn, lines, owed) = Default::default();
        Self { turn, lines, owed, unanswered: AtomicI64::new(NONE) }
    }
}

impl Hand {
    /// Waits for the turn of a program.
    pub(super) async fn turn_of(&self, caller: &str) -> (OwnedMutexGuard<()>, MutexGuard<'_, ()>) {
        let line = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lines.entry(caller.into()).or_default())
        };
        let first = line.lock_owned().await;
        (first, self.turn.lock().await)
    }

    /// The turn, if nobody has it.
    pub(super) fn idle_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }

    /// Waits for the use that is under way, and lets no other begin: the process ends.
    pub(super) async fn close(&self) {
        std::mem::forget(self.turn.lock().await);
    }

    /// What is owed to the store.
    pub(super) fn owed(&self) -> Option<Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what is owed to the store; nothing once it is paid.
    pub(super) fn owe(&self, owed: Option<Owed>) {
        *self.owed.lock().unwrap_or_else(PoisonError::into_inner) = owed;
    }

    /// Notes that the issuer may have seen the refresh token of a generation.
    pub(super) fn note_unanswered(&self, generation: i64) {
        self.unanswered.store(generation, Ordering::Relaxed);
    }

    /// Whether the issuer may have seen the refresh token of a generation.
    pub(super) fn is_unanswered(&self, generation: i64) -> bool {
        self.unanswered.load(Ordering::Relaxed) == generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_with_many_uses_lets_another_one_go_between() {
        let hand = Arc::new(Hand::default());
        let first = hand.turn_of("busy").await;
        let went = Arc::new(Mutex::new(Vec::new()));
        let mut uses = Vec::new();
        for caller in ["busy", "busy", "busy", "other"] {
            let (hand, went) = (Arc::clone(&hand), Arc::clone(&went));
            uses.push(tokio::spawn(async move {
                let _turn = hand.turn_of(caller).await;
                went.lock().unwrap().push(caller);
            }));
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(hand.idle_turn().is_none() && went.lock().unwrap().is_empty());
        drop(first);
        for using in uses {
            using.await.unwrap();
        }
        let went = went.lock().unwrap().clone();
        assert!(went.iter().position(|caller| *caller == "other").unwrap() <= 1, "{went:?}");
        assert!(hand.idle_turn().is_some());
    }
}
