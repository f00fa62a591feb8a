//! Decisions in the diagnostics log, for people.

use std::fmt::{self, Write};

use serde_json::ser::CompactFormatter;
use tracing::field::display;
use tracing::{Event, Level, Metadata};
use tracing_core::Kind;
use tracing_core::callsite::DefaultCallsite;

use super::DecisionLine;
use super::members::{Take, Value, members};
use crate::visible::visible;
use mfa_gateway_core::json::{Object, escape};

/// The members of a line that people see, in order, after the event's name.
static FIELDS: [&str; 18] = [
    "message",
    "request_id",
    "correlation_id",
    "trace_id",
    "method",
    "route",
    "client",
    "issuer",
    "class",
    "tenant",
    "application",
    "user",
    "amr",
    "decision",
    "grounds",
    "reason",
    "check",
    "exception",
];

/// The metadata that `tracing::info!` builds from literal names: these names are above.
static EVENT: Metadata<'static> = tracing_core::metadata! {
    name: "decision",
    target: module_path!(),
    level: Level::INFO,
    fields: &FIELDS,
    callsite: &CALLSITE,
    kind: Kind::EVENT,
};
static CALLSITE: DefaultCallsite = DefaultCallsite::new(&EVENT);

/// Whether the diagnostics log accepts decisions.
pub(super) fn is_wanted() -> bool {
    tracing::enabled!(Level::INFO)
}

/// Writes the line that [`decision`] produces for a decision in a JSON log.
pub(super) fn write(buffer: &mut Vec<u8>, line: &DecisionLine<'_>) {
    let mut object = Object::escaping(buffer, |buffer, text| escape(buffer, &visible(text), CompactFormatter));
    object.text("timestamp", &line.time);
    object.text("level", "INFO");
    object.text("message", "decision");
    told(line, |name, text| object.text(name, text));
    object.end();
}

/// Logs a decision through the log's own machinery.
pub(super) fn decision(line: &DecisionLine<'_>) {
    let mut values: Vec<(&str, Box<dyn tracing::Value>)> = vec![("message", Box::new(display("decision")))];
    told(line, |name, text| {
        let text = visible(text).into_owned();
        // Addresses and lists have no quotation marks.
        let is_bare = matches!(name, "client" | "amr");
        values.push((name, if is_bare { Box::new(display(text)) } else { Box::new(text) }));
    });
    let value = |name| values.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
    let values: Vec<_> = FIELDS.iter().map(value).collect();
    Event::dispatch(&EVENT, &EVENT.fields().value_set_all(&values));
}

/// Passes on the members of a line that people see.
fn told(line: &DecisionLine<'_>, tell: impl FnMut(&'static str, &str)) {
    let mut fields = FIELDS.iter();
    fields.next();
    let list = String::with_capacity(64);
    members(line, &mut Telling { fields, verified: line.issuer.is_some(), list, tell });
}

struct Telling<T> {
    /// Those not passed on yet.
    fields: std::slice::Iter<'static, &'static str>,
    verified: bool,
    list: String,
    tell: T,
}

impl<T: FnMut(&'static str, &str)> Take for Telling<T> {
    #[expect(clippy::inline_always, reason = "what kind a value is of is known where it is handed on")]
    #[inline(always)]
    fn take(&mut self, name: &'static str, value: Value<'_>) -> fmt::Result {
        if self.fields.as_slice().first() != Some(&name) {
            return Ok(());
        }
        match value {
            // A token that names no methods shows that it has none.
            Value::Null if name == "amr" && self.verified => (self.tell)(name, "[]"),
            Value::Absent | Value::Null => {}
            Value::Text(text) => (self.tell)(name, text),
            // A list is passed on at its end, in its `Debug` form.
            Value::List => return self.list.write_char('['),
            Value::Item(text) => return self.item(text),
            Value::EndOfList => {
                self.list.push(']');
                (self.tell)(name, &std::mem::take(&mut self.list));
            }
            Value::Literal(value) => (self.tell)(name, &value.to_string()),
            Value::Json(document) => (self.tell)(name, &String::from_utf8_lossy(document)),
        }
        self.fields.next();
        Ok(())
    }
}

impl<T> Telling<T> {
    fn item(&mut self, text: &str) -> fmt::Result {
        if self.list.len() > 1 {
            self.list.push_str(", ");
        }
        write!(self.list, "{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The log's output for a line through the general machinery: as text without a time, or as JSON.
    fn traced(line: &DecisionLine<'_>, json: bool) -> String {
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
        let layer = layer.with_target(false).with_ansi(false);
        let layer = if json { layer.json().flatten_event(true).boxed() } else { layer.without_time().boxed() };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || decision(line));
        String::from_utf8(std::mem::take(&mut *written.lock().unwrap())).unwrap()
    }

    #[test]
    fn a_line_that_is_written_at_once_is_the_one_that_the_log_would_get() {
        for mut line in crate::journal::decision::tests::lines() {
            let expected = traced(&line, true);
            line.time = expected.get(14..41).unwrap().to_owned().into();
            let mut written = Vec::new();
            write(&mut written, &line);
            written.push(b'\n');
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn people_are_told_what_they_are_to_know_and_no_more() {
        let [full, few, _] = crate::journal::decision::tests::lines();
        let mut names = vec!["message"];
        told(&full, |name, _| names.push(name));
        assert_eq!(names, FIELDS, "in the order of the line");
        assert_eq!(
            traced(&full, false),
            " INFO decision request_id=\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\" correlation_id=\"c\" \
             trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\" method=\"GET\" route=\"/v1/\" client=192.0.2.1 \
             issuer=\"entra\" class=\"app_user\" tenant=\"t\" application=\"a\" user=\"u\" amr=[\"pwd\", \"mfa\"] \
             decision=\"permit\" grounds=\"mfa\" reason=\"mfa_missing\" check=\"mfa\" exception=\"e\"\n"
        );
        let none = DecisionLine { issuer: full.issuer, ..few };
        assert!(
            traced(&none, false).contains(r#" issuer="entra" amr=[] decision="#),
            "a token without methods has none"
        );
    }
}
