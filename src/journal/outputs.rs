//! The outputs that the journals write to. Outputs that a reload names again stay open.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Journal, Settings};
use crate::telemetry::{Output, Sink};

/// The open outputs of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    open: Arc<Mutex<Vec<(Output, Sink)>>>,
}

impl Outputs {
    /// The journal that the settings ask for.
    ///
    /// # Errors
    ///
    /// If a file can't be opened.
    pub(crate) fn journal(&self, settings: &Settings) -> io::Result<Journal> {
        let open = |name, output: &Option<Output>| output.as_ref().map(|output| self.sink(name, output)).transpose();
        Ok(Journal {
            which: settings.which,
            decisions: open("decisions", &settings.decisions)?,
            accesses: open("access", &settings.accesses)?,
            tokens: open("tokens", &settings.tokens)?,
        })
    }

    fn sink(&self, name: &'static str, output: &Output) -> io::Result<Sink> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sink)) = open().iter().find(|(known, _)| known == output) {
            return Ok(sink.clone());
        }
        // Without the lock: a drive that hangs takes a while, and signals are answered meanwhile.
        let sink = Sink::open(name, output.clone()).map_err(|error| told(name, output, &error))?;
        open().push((output.clone(), sink.clone()));
        Ok(sink)
    }

    /// Closes the outputs that the settings don't name, once nothing writes to them any more.
    pub(crate) fn keep_only(&self, settings: &Settings) {
        let named = |output: &Output| {
            [&settings.decisions, &settings.accesses, &settings.tokens].contains(&&Some(output.clone()))
        };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(output, _)| named(output));
    }

    /// Reopens all files.
    pub(crate) fn reopen(&self) {
        for (_, sink) in self.open.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // The output's own thread does it.
            sink.reopen();
        }
    }

    /// Waits until everything is written, up to a limit.
    pub(crate) fn flush(&self, patience: Duration) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, sink) in open {
            sink.flush(patience);
        }
    }
}

/// What an operator needs to mend it: the field, and the file.
fn told(name: &str, output: &Output, error: &io::Error) -> io::Error {
    let field = match name {
        "decisions" => "log.decision_output",
        "tokens" => "log.token_output",
        _ => "log.access_output",
    };
    let file = match output {
        Output::Stdout => "standard output".to_owned(),
        Output::Stderr => "standard error".to_owned(),
        Output::File(path) => path.display().to_string(),
    };
    io::Error::new(error.kind(), format!("{field}: {file} can't be opened: {error}"))
}
