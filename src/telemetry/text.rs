//! The form of the log for people: one event is one line, whatever its values hold.
//!
//! The general form writes a value that is displayed as it comes: a line feed in it would end the line, and a space in
//! it would leave open where it ends.

use std::fmt::{self, Debug};
use std::io;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use super::Sink;
use crate::visible::{is_odd, visible, visible_json};

/// Writes the message, then `name=value`: in quotation marks where that needs them.
#[derive(Debug)]
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut fields_of = Writing { writer, first: true, result: Ok(()) };
        fields.record(&mut fields_of);
        fields_of.result
    }
}

struct Writing<'w> {
    writer: Writer<'w>,
    first: bool,
    result: fmt::Result,
}

impl Writing<'_> {
    fn write(&mut self, name: &str, value: &str) -> fmt::Result {
        if !std::mem::take(&mut self.first) {
            self.writer.write_char(' ')?;
        }
        if name == "message" {
            return self.writer.write_str(value);
        }
        if self.writer.has_ansi_escapes() {
            write!(self.writer, "\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m{value}")
        } else {
            write!(self.writer, "{name}={value}")
        }
    }

    fn take(&mut self, field: &Field, value: &str) {
        if self.result.is_ok() {
            self.result = self.write(field.name(), value);
        }
    }
}

impl Visit for Writing<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.take(field, &visible(value));
        } else {
            self.take(field, &quoted(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        // A list marks its own ends.
        let is_bare = field.name() == "message" || text.starts_with('[') || text.starts_with('"');
        let needs_marks = text.is_empty() || text.contains([' ', '"', '=']) || text.contains(is_odd);
        if needs_marks && !is_bare {
            self.take(field, &quoted(&text));
        } else {
            self.take(field, &visible(&text));
        }
    }
}

/// A text in quotation marks, as a string of JSON or Rust, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if is_odd(char) => quoted.extend(char.escape_unicode()),
            _ => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// The sink of a log of JSON lines, which leaves nothing in them that a terminal would obey.
#[derive(Debug)]
pub(super) struct JsonLines(pub(super) &'static Sink);

impl io::Write for JsonLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write(visible_json(text).as_bytes()),
            Err(_) => self.0.write(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

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

    /// The log's lines of the events.
    pub(in super::super) fn logged(ansi: bool, events: impl FnOnce()) -> String {
        let written = Shared::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().fmt_fields(Fields).with_writer(move || writer.clone());
        let layer = layer.without_time().with_target(false).with_ansi(ansi);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let hostile = "a\nERROR forged \u{1b}[31m\u{9b}m\u{202e}\u{200b} \"x\" \\";
        let text = logged(false, || {
            tracing::info!(cause = %hostile, name = hostile, list = ?[hostile], "{hostile}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.trim_end().contains(is_odd), "{text:?}");
        let escaped = r#""a\nERROR forged \u{1b}[31m\u{9b}m\u{202e}\u{200b} \"x\" \\""#;
        assert!(text.contains(&format!(" cause={escaped} name={escaped} list=[")), "{text}");
    }

    #[test]
    fn a_value_shows_where_it_ends() {
        let text = logged(false, || {
            let cause = std::io::Error::other("could not connect: it = away");
            tracing::warn!(%cause, client = %"192.0.2.1", count = 3, tls = true, amr = ?["pwd"], name = "api", "failed");
        });
        let expected = r#" WARN failed cause="could not connect: it = away" client=192.0.2.1 count=3 tls=true "#;
        assert_eq!(text, format!("{expected}amr=[\"pwd\"] name=\"api\"\n"));
    }

    #[test]
    fn a_terminal_gets_colours_of_ours_alone() {
        let text = logged(true, || tracing::warn!(name = "\u{1b}[31m", "failed"));
        assert!(text.contains("\u{1b}[3mname\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"\\u{1b}[31m\""), "{text:?}");
    }

    #[test]
    fn a_json_line_has_nothing_that_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let sink: &'static Sink =
            Box::leak(Box::new(Sink::open("json", super::super::Output::File(path.clone())).unwrap()));
        io::Write::write_all(&mut JsonLines(sink), "{\"a\":\"\u{9b}\u{202e}\"}\n".as_bytes()).unwrap();
        sink.flush(std::time::Duration::from_secs(10));
        assert_eq!(std::fs::read_to_string(path).unwrap(), "{\"a\":\"\\u009b\\u202e\"}\n");
    }
}
