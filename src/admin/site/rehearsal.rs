//! A rehearsal that an operator asks for: which decisions, under which configuration.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::upload::{MAX_FILE, Upload};
use crate::config::Config;
use crate::journal::Lines;
use crate::replay::{Aggregate, Rehearsal, Report};
use crate::telemetry::Output;
use mfa_gateway_core::clock::Timestamp;

/// How many groups are listed of each change.
const TOP: usize = 200;

/// What is decided again, and how.
#[derive(Debug)]
pub(super) struct Wanted {
    decisions: Decisions,
    /// The text of another configuration; empty for the one in use.
    configuration: String,
    /// Whether the configuration in use recorded the decisions.
    recorded_here: bool,
    at: Option<Timestamp>,
    span: Option<Range<Timestamp>>,
}

/// Where the decisions are.
#[derive(Debug)]
enum Decisions {
    Uploaded(Vec<u8>),
    Own(PathBuf),
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) report: Report,
    /// Whether only the end of the log was read.
    pub(super) is_cut: bool,
}

/// The gateway's own decision log, if it is a file.
pub(super) fn own_log(config: &Config) -> Option<PathBuf> {
    match &config.journal.decisions {
        Some(Output::File(path)) => Some(path.clone()),
        _ => None,
    }
}

impl Wanted {
    /// Reads a form. The error says what to do instead.
    pub(super) fn read(mut upload: Upload, config: &Config) -> Result<Self, String> {
        let time = |field: &str| match upload.text(field) {
            "" => Ok(None),
            text => moment(text)
                .map(Some)
                .ok_or_else(|| format!("`{text}` is not a date and time; write 2026-11-29T08:00, in UTC.")),
        };
        let (from, to, at) = (time("from")?, time("to")?, time("at")?);
        let span = (from.is_some() || to.is_some())
            .then(|| from.unwrap_or(Timestamp::from_secs(0))..to.unwrap_or(Timestamp::from_secs(i64::from(u32::MAX))));
        let (own, recorded_here) = (upload.text("source") == "own", upload.text("recorded_here") == "yes");
        let decisions = if own {
            Decisions::Own(own_log(config).ok_or("The gateway writes its decision log into no file.")?)
        } else {
            let log = upload.take("log");
            if log.is_empty() {
                return Err("There is no log: choose a file with decisions.".to_owned());
            }
            Decisions::Uploaded(log)
        };
        let mut configuration = upload.take("configuration_file");
        if configuration.is_empty() {
            configuration = upload.take("configuration");
        }
        let configuration = String::from_utf8(configuration).map_err(|_| "The configuration is not in UTF-8.")?;
        Ok(Self { decisions, configuration, recorded_here, at, span })
    }

    /// Decides again. It takes a while, and is for no thread that serves.
    pub(super) fn rehearse(self, in_use: &Arc<Config>) -> Result<Rehearsed, String> {
        let config = if self.configuration.trim().is_empty() {
            Arc::clone(in_use)
        } else {
            // The process's variables may be secrets, which a report could show.
            let read = Config::parse("configuration", &self.configuration, HashMap::new());
            Arc::new(read.map_err(|error| error.to_string())?)
        };
        let recorded_with = self.recorded_here.then_some(&**in_use);
        let mut aggregate = Aggregate::new(Rehearsal::new(&config, recorded_with, self.at)).within(self.span);
        let is_cut = match self.decisions {
            Decisions::Uploaded(log) => aggregate.take("log", Lines::new(log.as_slice())).map(|()| false),
            Decisions::Own(path) => take_end(&mut aggregate, &path),
        };
        let is_cut = is_cut.map_err(|error| format!("The decision log could not be read: {error}."))?;
        Ok(Rehearsed { report: aggregate.finish(TOP), is_cut })
    }
}

/// Reads the end of a log. Returns whether there is more before it.
fn take_end(aggregate: &mut Aggregate, path: &std::path::Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let most = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    let begin = length.saturating_sub(most);
    file.seek(SeekFrom::Start(begin))?;
    let mut reader = BufReader::with_capacity(1 << 16, file.take(length - begin));
    if begin > 0 {
        // The first line may have begun before.
        reader.skip_until(b'\n')?;
    }
    aggregate.take(&path.display().to_string(), Lines::new(reader))?;
    Ok(begin > 0)
}

/// A moment of a form: browsers send one without a zone, and the labels say that it is in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let with_seconds = if text.len() == 16 { format!("{text}:00Z") } else { format!("{text}Z") };
    Timestamp::parse(text).or_else(|| Timestamp::parse(&with_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_browsers_send_it() {
        for text in ["2026-11-29T08:00", "2026-11-29T08:00:00", "2026-11-29T08:00:00Z"] {
            assert_eq!(moment(text).map(|at| at.to_string()).as_deref(), Some("2026-11-29T08:00:00Z"), "{text}");
        }
        for text in ["yesterday", "2026-11-29", "", "2026-13-29T08:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
