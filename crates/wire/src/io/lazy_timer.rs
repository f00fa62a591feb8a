//! A timer for a deadline that moves often and rarely passes.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

/// A timer that costs next to nothing to move later: the runtime's timer stays where it is, and moves only when it
/// fires. A new one for every request would enter the runtime's wheel and leave it each time.
#[derive(Debug, Default)]
pub struct LazyTimer {
    timer: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
    /// The task that the timer wakes.
    waiting: Option<Waker>,
}

impl LazyTimer {
    /// Sets the deadline, or moves it.
    pub fn set(&mut self, at: Instant) {
        self.at = Some(at);
        if let Some(timer) = &mut self.timer
            && at < timer.deadline()
        {
            timer.as_mut().reset(at);
            self.waiting = None;
        }
    }

    /// Removes the deadline.
    pub fn clear(&mut self) {
        self.at = None;
    }

    /// Whether there is a deadline.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready once the deadline has passed.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if !timer.is_elapsed() && self.waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.waiting = None;
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                // Without budget the timer wasn't polled, and wakes no task.
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
        let mut timer = LazyTimer::default();
        for (moves, passes) in [(&[5, 9][..], 9), (&[20, 12], 12), (&[13], 13)] {
            for &at in moves {
                timer.set(secs(at));
                let poll = poll_fn(|cx| Poll::Ready(timer.poll_passed(cx))).await;
                assert!(poll.is_pending());
            }
            poll_fn(|cx| timer.poll_passed(cx)).await;
            assert_eq!(start.elapsed().as_secs(), passes);
        }
        timer.clear();
        let poll = poll_fn(|cx| Poll::Ready(timer.poll_passed(cx))).await;
        assert!(poll.is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn it_passes_though_it_was_asked_by_a_task_that_had_used_up_its_turn() {
        let mut timer = LazyTimer::default();
        timer.set(Instant::now() + Duration::from_secs(1));
        let spent = poll_fn(|cx| {
            while has_budget_remaining() {
                std::task::ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
            }
            Poll::Ready(timer.poll_passed(cx))
        });
        assert!(spent.await.is_pending());
        tokio::task::yield_now().await;
        tokio::time::timeout(Duration::from_secs(9), poll_fn(|cx| timer.poll_passed(cx))).await.unwrap();
    }
}
