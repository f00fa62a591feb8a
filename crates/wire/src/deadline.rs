//! A deadline that is moved often and met rarely.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

/// A deadline that costs next to nothing to move later: its timer is left where it is, and looked after only when it
/// fires. A timer of its own for every request would be entered into the runtime's wheel, and taken out again, each time.
#[derive(Debug, Default)]
pub struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
    /// Whom the timer wakes.
    waiting: Option<Waker>,
}

impl Deadline {
    /// Moves it.
    pub fn set(&mut self, at: Instant) {
        self.at = Some(at);
        if let Some(timer) = &mut self.timer
            && at < timer.deadline()
        {
            timer.as_mut().reset(at);
            self.waiting = None;
        }
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        self.at = None;
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once it has passed.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if !timer.is_elapsed() && self.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.waiting = None;
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                // Without budget the timer wasn't asked, and wakes nobody.
                self.waiting = has_budget_remaining().then(|| cx.waker().clone());
                return Poll::Pending;
            }
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_passes_when_it_was_last_set_to() {
        let start = Instant::now();
        let secs = |secs| start + Duration::from_secs(secs);
        let mut deadline = Deadline::default();
        for (moves, passes) in [(&[5, 9][..], 9), (&[20, 12], 12), (&[13], 13)] {
            for &at in moves {
                deadline.set(secs(at));
                let poll = poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await;
                assert!(poll.is_pending());
            }
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            assert_eq!(start.elapsed().as_secs(), passes);
        }
        deadline.clear();
        let poll = poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx))).await;
        assert!(poll.is_pending());
    }
    #[tokio::test(start_paused = true)]
    async fn it_passes_though_it_was_asked_by_a_task_that_had_used_up_its_turn() {
        let mut deadline = Deadline::default();
        deadline.set(Instant::now() + Duration::from_secs(1));
        let spent = poll_fn(|cx| {
            while has_budget_remaining() {
                std::task::ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
            }
            Poll::Ready(deadline.poll_passed(cx))
        });
        assert!(spent.await.is_pending());
        tokio::task::yield_now().await;
        tokio::time::timeout(Duration::from_secs(9), poll_fn(|cx| deadline.poll_passed(cx))).await.unwrap();
    }
}
