//! Decisions in the log, for people.

use std::fmt::Write;

use super::DecisionLine;
use super::plain::visible;
use crate::json::{Object, is_plain};

/// Whether the log takes decisions.
pub(super) fn is_wanted() -> bool {
    tracing::enabled!(tracing::Level::INFO)
}

/// Writes the line that [`decision`] makes of a decision in a log of JSON.
pub(super) fn write(buffer: &mut Vec<u8>, line: &DecisionLine<'_>) {
    let mut object = Object::begin(buffer);
    object.text("timestamp", &line.time);
    object.text("level", "INFO");
    object.text("message", "decision");
    object.text("request_id", &line.request_id);
    object.text("correlation_id", &line.correlation_id);
    object.text_if_any("trace_id", line.trace_id.as_deref());
    object.text("method", &line.method);
    object.text("route", &line.route);
    object.text_if_any("client", line.client.as_deref());
    object.text_if_any("issuer", line.issuer.as_deref());
    object.text_if_any("class", line.class.as_deref());
    for (name, claim) in [("tenant", &line.tenant), ("application", &line.application), ("user", &line.user)] {
        object.text_if_any(name, claim.as_deref().map(visible).as_deref());
    }
    if line.issuer.is_some() {
        object.text("amr", &listed(line.amr.as_deref().unwrap_or_default()));
    }
    object.text("decision", &line.decision);
    object.text_if_any("grounds", line.grounds.as_deref());
    object.text_if_any("exception", line.exception.as_deref());
    object.text_if_any("reason", line.reason.as_deref());
    object.text_if_any("check", line.check.as_deref());
    object.end();
}

/// The methods as their `Debug` has them.
fn listed(methods: &[String]) -> String {
    let mut list = String::with_capacity(64);
    list.push('[');
    for (at, method) in methods.iter().enumerate() {
        if at > 0 {
            list.push_str(", ");
        }
        if is_plain(method) {
            list.extend(["\"", method, "\""]);
        } else {
            // Writing into memory doesn't fail.
            let _ = write!(list, "{method:?}");
        }
    }
    list.push(']');
    list
}

pub(super) fn decision(line: &DecisionLine<'_>) {
    tracing::info!(
        request_id = &*line.request_id,
        correlation_id = &*line.correlation_id,
        trace_id = line.trace_id.as_deref(),
        method = &*line.method,
        route = &*line.route,
        client = line.client.as_deref().map(tracing::field::display),
        issuer = line.issuer.as_deref(),
        class = line.class.as_deref(),
        tenant = line.tenant.as_deref().map(visible).as_deref(),
        application = line.application.as_deref().map(visible).as_deref(),
        user = line.user.as_deref().map(visible).as_deref(),
        amr = line.issuer.as_ref().map(|_| tracing::field::debug(line.amr.as_deref().unwrap_or_default())),
        decision = &*line.decision,
        grounds = line.grounds.as_deref(),
        exception = line.exception.as_deref(),
        reason = line.reason.as_deref(),
        check = line.check.as_deref(),
        "decision"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What the log gets of a line from the machinery that serves all.
    fn traced(line: &DecisionLine<'_>) -> String {
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&written);
        let layer = tracing_subscriber::fmt::layer().with_writer(move || Shared(Arc::clone(&shared)));
        let layer = layer.with_target(false).json().flatten_event(true).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || decision(line));
        String::from_utf8(std::mem::take(&mut *written.lock().unwrap())).unwrap()
    }

    #[test]
    fn a_line_that_is_written_at_once_is_the_one_that_the_log_would_get() {
        for mut line in crate::journal::decision::tests::lines() {
            let expected = traced(&line);
            line.time = expected.get(14..41).unwrap().to_owned().into();
            let mut written = Vec::new();
            write(&mut written, &line);
            written.push(b'\n');
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }
}
