//! Lines of a log, one at a time: a log of any length takes the memory of its longest line, up to a limit.

use std::io::{self, BufRead, Read};

use serde::Deserialize;

use super::DecisionLine;

/// The longest line that is read. Tokens, and so the claims in a line, are shorter by far.
const MAX_LINE: usize = 1 << 20;

/// A log that is read line by line.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

/// The kind of a line.
#[derive(Debug)]
pub(crate) enum Line {
    /// A decision.
    Decision(Box<DecisionLine<'static>>),
    /// Something else that may stand in a log.
    Other,
    /// The gateway's notice that it lost so many lines.
    Lost(u64),
    /// Not part of a log, or a decision that can't be read.
    Malformed(String),
}

#[derive(Deserialize)]
struct Event {
    event: Option<String>,
    /// Of a notice of lost lines.
    lines: Option<serde_json::Value>,
}

impl<R: BufRead> Lines<R> {
    /// Begins with the first line.
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0 }
    }

    /// The next line, and its number; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        self.buffer.clear();
        let read = (&mut self.reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = if read > MAX_LINE {
            if self.buffer.last() != Some(&b'\n') {
                self.reader.skip_until(b'\n')?;
            }
            Line::Malformed(format!("it is longer than {MAX_LINE} bytes"))
        } else {
            parse(self.buffer.trim_ascii())
        };
        Ok(Some((self.number, line)))
    }
}

fn parse(text: &[u8]) -> Line {
    if text.is_empty() {
        return Line::Other;
    }
    let event: Event = match serde_json::from_slice(text) {
        Ok(event) => event,
        Err(error) => return Line::Malformed(not_of_a_log(text, &error)),
    };
    match event.event.as_deref() {
        Some("decision") => match serde_json::from_slice(text) {
            Ok(line) => Line::Decision(Box::new(line)),
            Err(error) => Line::Malformed(problem(&error)),
        },
        Some("lines_lost") => Line::Lost(event.lines.and_then(|lines| lines.as_u64()).unwrap_or(1)),
        _ => Line::Other,
    }
}

/// What a line is that isn't a JSON object.
fn not_of_a_log(text: &[u8], error: &serde_json::Error) -> String {
    const COMPRESSED: [(&[u8], &str); 3] = [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2")];
    if let Some((_, form)) = COMPRESSED.iter().find(|(magic, _)| text.starts_with(magic)) {
        return format!("the log is compressed ({form}): decompress it into `--log -`");
    }
    if !text.starts_with(b"{") {
        return "this is no line of a decision log: each is a JSON object".to_owned();
    }
    format!("this is not whole, or no JSON: {}", problem(error))
}

/// The error without its position: its line number is always 1.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(problem, _)| problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &[u8] = b"{\"event\":\"lines_lost\",\"lines\":7}\nno log\n\x1f\x8b\x08\x00\n{\"ev";

    #[test]
    fn a_line_of_any_length_is_passed_over_and_the_next_one_is_read() {
        let log =
            [&vec![b'x'; MAX_LINE + 70_000][..], b"\n\n{\"event\":\"access\"}\n{\"event\":\"decision\"}\n", OTHERS]
                .concat();
        let mut lines = Lines::new(io::BufReader::new(&log[..]));
        let mut seen = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            seen.push(match line {
                Line::Decision(_) => unreachable!(),
                Line::Other => (number, "other".to_owned()),
                Line::Lost(lines) => (number, format!("{lines} lost")),
                Line::Malformed(problem) => (number, problem),
            });
        }
        let expected = [
            (1, "it is longer than 1048576 bytes"),
            (2, "other"),
            (3, "other"),
            (4, "missing field `time`"),
            (5, "7 lost"),
            (6, "this is no line of a decision log: each is a JSON object"),
            (7, "the log is compressed (gzip): decompress it into `--log -`"),
            (8, "this is not whole, or no JSON: EOF while parsing a string"),
        ];
        assert_eq!(seen, expected.map(|(number, what)| (number, what.to_owned())));
        assert!(lines.buffer.capacity() <= 2 * MAX_LINE + 2);
    }
}
