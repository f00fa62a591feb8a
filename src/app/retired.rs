//! What was in use before a reload, until nothing uses it any more.
//!
//! A request holds what it began with. The last one to let go would free a whole configuration, on a thread that
//! serves; so another thread keeps it for longer than all of them.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// What is no longer in use.
#[derive(Debug, Default)]
pub(super) struct Retired(Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

impl Retired {
    /// Keeps something until nothing else holds it.
    pub(super) fn keep(&self, one: Arc<dyn Any + Send + Sync>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    /// Frees here what nothing else holds.
    pub(super) fn sweep(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, free) = kept.drain(..).partition(|one| Arc::strong_count(one) > 1);
        *kept = held;
        drop(kept);
        drop::<Vec<_>>(free);
    }
}

#[cfg(test)]
mod tests {
    use std::thread::ThreadId;

    use super::*;

    struct Tells(Arc<Mutex<Option<ThreadId>>>);

    impl Drop for Tells {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(std::thread::current().id());
        }
    }

    #[test]
    fn the_thread_that_sweeps_frees_what_another_lets_go_of() {
        let freed = Arc::new(Mutex::new(None));
        let (old, retired) = (Arc::new(Tells(Arc::clone(&freed))), Retired::default());
        retired.keep(Arc::clone(&old) as Arc<_>);
        retired.sweep();
        std::thread::spawn(move || drop(old)).join().unwrap();
        assert_eq!(*freed.lock().unwrap(), None, "the request's thread frees nothing");
        retired.sweep();
        assert_eq!(*freed.lock().unwrap(), Some(std::thread::current().id()));
    }
}
