//! Panics in the log: the standard library's own report has several lines, in no form of the log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::thread;

/// Has every panic logged as an event, from now on.
pub(super) fn log() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let cause = panic.payload_as_str().unwrap_or("no message");
    // Only with RUST_BACKTRACE is there one.
    let trace = Backtrace::capture();
    let backtrace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(thread, place, cause, backtrace, "a thread panicked; this is a bug in the gateway");
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::super::text::tests::logged;
    use super::*;

    #[test]
    fn a_panic_is_one_line() {
        let before = std::panic::take_hook();
        log();
        let panics = || logged(false, || drop(catch_unwind(|| panic!("a cause\nof {} lines", 2))));
        let text = thread::Builder::new().name("worker".to_owned()).spawn(panics).unwrap().join().unwrap();
        std::panic::set_hook(before);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#"thread="worker""#) && text.contains(r#"cause="a cause\nof 2 lines""#), "{text}");
        assert!(text.contains("src/telemetry/panics.rs:"), "{text}");
    }
}
