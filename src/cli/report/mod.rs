//! `report`: the security requirements status report, of decision logs or of a running gateway.

mod args;
mod forget;
mod live;
mod logs;
mod text;

pub(super) use args::Report;

use std::process::ExitCode;

use serde::Serialize;

use super::print::{print, print_json, write};
use crate::report::{Incomplete, StatusReport, csv, read_list};
use crate::visible::visible_lines;
use args::Action;
use text::{to_text, told};

/// Reports, or has a user forgotten. The exit code says whether the report is about every decision.
///
/// # Errors
///
/// If a log can't be read, or the gateway can't be asked.
pub(super) async fn report(args: Report) -> anyhow::Result<ExitCode> {
    if let Some(Action::Forget(of)) = &args.action {
        return forget::forget(&args, of).await;
    }
    let (mut report, incomplete) = if args.log.is_empty() {
        match live::report(&args).await? {
            Some(report) => (report, Incomplete::default()),
            None => return Ok(ExitCode::FAILURE),
        }
    } else {
        logs::report(&args)?
    };
    if !args.accounts.is_empty() {
        report.registered = Some(args.accounts.iter().map(|path| read_list("", "", path)).collect());
    }
    match args.csv {
        Some(download) => {
            write(&csv(&report, download.into()))?;
            // A spreadsheet shows what it gets, so that what is missing is said elsewhere.
            eprint(&told(&incomplete)?);
        }
        None if args.json => _ = print_json(&Document { report: &report, incomplete: &incomplete })?,
        None => _ = print(&format!("{}{}", told(&incomplete)?, to_text(&report, args.top)?))?,
    }
    let unread = report.registered.iter().flatten().any(|list| list.accounts.is_none());
    Ok(if incomplete.is_nothing() && !unread { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report as JSON, with what it lacks.
#[derive(Serialize)]
struct Document<'r> {
    #[serde(flatten)]
    report: &'r StatusReport,
    incomplete: &'r Incomplete,
}

fn eprint(text: &str) {
    use std::io::Write as _;
    // There is nobody to tell that standard error is closed.
    let _ = std::io::stderr().write_all(visible_lines(text).as_bytes());
}
