//! The report of decision logs.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::Path;

use anyhow::Context;

use super::args::Report;
use crate::journal::Lines;
use crate::report::{Counts, Incomplete, StatusReport};

/// The report, and what the logs lack.
///
/// # Errors
///
/// If a log can't be read.
pub(super) fn report(args: &Report) -> anyhow::Result<(StatusReport, Incomplete)> {
    let (mut counts, mut incomplete) = (Counts::default(), Incomplete::default());
    for path in &args.log {
        let name = path.display().to_string();
        let read = if path == Path::new("-") {
            counts.take(&name, Lines::new(stdin().lock()), &mut incomplete)
        } else {
            let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
            counts.take(&name, Lines::new(BufReader::with_capacity(1 << 16, file)), &mut incomplete)
        };
        read.with_context(|| format!("{name} could not be read"))?;
    }
    Ok((counts.report(args.from, args.to), incomplete))
}
