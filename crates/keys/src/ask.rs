//! What requests ask of a source whose keys don't fit their tokens.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use super::source::{KeySource, MAX_WAIT};

impl KeySource {
    /// Asks for a fetch, because a key may have been replaced, and doesn't wait.
    pub fn nudge(&self) {
        self.raise(&self.doubted);
    }

    /// Raises a flag. It is read before each wait, so a notification is needed only once.
    fn raise(&self, flag: &AtomicBool) {
        if !flag.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    /// Asks for a fetch, because no key fits a token, and waits for it unless the budget is used up or too many wait. Whether
    /// the keys are as the issuer has them, as far as can be known: not if it couldn't be reached, or takes too long.
    pub async fn ask(&self) -> bool {
        self.fetched().await.unwrap_or_else(|was_good| was_good)
    }

    /// The same, and whether the keys were fetched meanwhile: not if the budget is used up either.
    pub async fn ask_now(&self) -> bool {
        self.fetched().await == Ok(true)
    }

    /// Whether a fetch that was waited for succeeded; or if none was, whether the last one did.
    async fn fetched(&self) -> Result<bool, bool> {
        let mut attempts = self.attempts.subscribe();
        let before = *attempts.borrow_and_update();
        self.raise(&self.wanted);
        let exhausted = before.exhausted_until.is_some_and(|until| Instant::now() < until);
        let place = self.waiting.try_acquire();
        if exhausted || before.ended || place.is_err() {
            return Err(!before.failed);
        }
        let wait = attempts.wait_for(|now| now.finished > before.finished);
        // Discovery and keys are two exchanges.
        let waited = tokio::time::timeout(MAX_WAIT.min(self.settings.timeout * 2), wait).await;
        Ok(matches!(waited, Ok(Ok(now)) if !now.failed))
    }
}
