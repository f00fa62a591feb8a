//! Which of the threads that serve this is.

use std::cell::Cell;

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(0) };
}

/// Notes that this is a thread that serves, by its number.
pub fn set_thread(number: usize) {
    THREAD.set(number);
}

/// This thread's number: 0 is the first one that serves, and every one that doesn't.
#[must_use]
pub fn thread() -> usize {
    THREAD.get()
}
