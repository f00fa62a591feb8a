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
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::super::text::Fields;
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_one_line() {
        let written = Shared::default();
        let writer = written.clone();
        let before = std::panic::take_hook();
        log();
        let panicking = thread::Builder::new().name("worker".to_owned()).spawn(move || {
            let layer = tracing_subscriber::fmt::layer().fmt_fields(Fields).with_ansi(false);
            let layer = layer.with_writer(move || writer.clone()).without_time().with_target(false);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                panic!("a cause\nof {} lines", 2);
            });
        });
        assert!(panicking.unwrap().join().is_err());
        std::panic::set_hook(before);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(r#"thread="worker""#) && text.contains(r#"cause="a cause\nof 2 lines""#), "{text}");
        assert!(text.contains("src/telemetry/panics.rs:"), "{text}");
    }
}
