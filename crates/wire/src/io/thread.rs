//! The number of the present thread.

use std::cell::Cell;

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(0) };
}

/// Sets the number of the present thread, which serves connections.
pub fn set_thread(number: usize) {
    THREAD.set(number);
}

/// The number of the present thread. It is 0 for the first thread that serves, and for every one that doesn't.
#[must_use]
pub fn thread() -> usize {
    THREAD.get()
}
