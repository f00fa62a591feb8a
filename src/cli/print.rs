//! The output of a command.

use std::io::Write;
use std::process::ExitCode;

/// Writes a command's result to standard output. A closed pipe is no failure.
pub(super) fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Claims may hold anything; a terminal must not act on it.
pub(super) fn printable(text: &str) -> String {
    text.chars().flat_map(|char| if char.is_control() { char.escape_default().collect() } else { vec![char] }).collect()
}
