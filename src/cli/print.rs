//! The output of a command.
//!
//! Files, tokens and servers may contain anything, and a terminal must not act on it. What is put into a line is made
//! [`visible`](crate::visible::visible) where it is put in; this is the last place, for what was overlooked.

use std::io::Write;
use std::process::ExitCode;

use crate::visible::{visible_json, visible_lines};

/// Writes a command's result to standard output. A closed pipe is no failure.
pub(super) fn print(text: &str) -> anyhow::Result<ExitCode> {
    write(&visible_lines(text))
}

/// The same for a JSON document.
pub(super) fn print_json(document: &impl serde::Serialize) -> anyhow::Result<ExitCode> {
    write(&visible_json(&format!("{}\n", serde_json::to_string_pretty(document)?)))
}

/// The same for a text of our own, as it is.
pub(super) fn write(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
