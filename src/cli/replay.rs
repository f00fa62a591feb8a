//! `replay`: decides recorded decisions again under another configuration, and reports who would notice.

use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::args::Replay;
use super::print::{print, print_json};
use super::table::{cell, table as columns};
use crate::config::Config;
use crate::journal::Lines;
use crate::replay::{Aggregate, Changes, Rehearsal, Report};
use crate::visible::visible;

/// Rehearses a configuration. The exit code says whether a request would be newly refused, and whether that is known of
/// every request: see [`crate::replay::Report`].
///
/// # Errors
///
/// If a configuration or a log can't be read.
pub(super) fn replay(args: &Replay) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let recorded_with = args.recorded_with.as_deref().map(Config::load).transpose()?;
    let mut aggregate = Aggregate::new(Rehearsal::new(&config, recorded_with.as_ref(), args.at));
    for path in &args.log {
        let name = path.display().to_string();
        let read = if path == Path::new("-") {
            aggregate.take(&name, Lines::new(stdin().lock()))
        } else {
            let file = File::open(path).with_context(|| format!("{name} could not be opened"))?;
            aggregate.take(&name, Lines::new(BufReader::with_capacity(1 << 16, file)))
        };
        read.with_context(|| format!("{name} could not be read"))?;
    }
    let report = aggregate.finish(args.top);
    if args.json {
        print_json(&report)?;
    } else {
        print(&to_text(&report)?)?;
    }
    Ok(ExitCode::from(report.result.exit_code()))
}

fn to_text(report: &Report) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    incomplete(&mut text, report)?;
    let lines = &report.lines;
    writeln!(
        text,
        "lines: {}; decisions: {} ({} permitted, {} refused); other lines: {}; malformed: {}",
        lines.read, lines.decisions, report.recorded.permitted, report.recorded.refused, lines.other, lines.malformed
    )?;
    writeln!(
        text,
        "decided again: {}; unchanged: {}; newly refused: {}; newly permitted: {}; undetermined: {}",
        report.decided_again,
        report.unchanged,
        report.newly_refused.count,
        report.newly_permitted.count,
        lines.decisions - report.decided_again
    )?;
    if report.recorded_findings_taken > 0 {
        let count = report.recorded_findings_taken;
        writeln!(
            text,
            "  {count} with the recorded MFA finding: the rule is the recording one, and the log lacks a claim"
        )?;
    }
    table(&mut text, "newly refused", &report.newly_refused)?;
    table(&mut text, "newly permitted", &report.newly_permitted)?;
    Ok(text)
}

/// What the result doesn't cover, and what to do about it: before any count that could reassure.
fn incomplete(text: &mut String, report: &Report) -> std::fmt::Result {
    let (lines, undetermined) = (&report.lines, report.lines.decisions - report.decided_again);
    if lines.decisions == 0 {
        writeln!(text, "empty: none of the {} lines is a decision, so nothing was rehearsed", lines.read)?;
        writeln!(
            text,
            "  fix: give the decision log: the file that `log.decision_output` names, recorded with `log.decisions: all`"
        )?;
    }
    if lines.malformed > 0 {
        writeln!(
            text,
            "malformed: {} of {} lines could not be read, and are not covered",
            lines.malformed, lines.read
        )?;
        for one in &report.malformed {
            writeln!(text, "  {}:{}: {}", visible(&one.log), one.line, visible(&one.problem))?;
        }
        writeln!(text, "  fix: remove what is no line of the log; a log that is still written may end within a line")?;
    }
    if undetermined > 0 {
        writeln!(text, "undetermined: {undetermined} of {} decisions are not covered", lines.decisions)?;
        for (why, count) in &report.undetermined {
            writeln!(text, "  {count}: {}\n    fix: {}", why.text(), why.fix())?;
        }
    }
    for why in &report.gaps {
        writeln!(text, "undetermined: {}\n  fix: {}", why.text(), why.fix())?;
    }
    if report.token_rules_assumed > 0 {
        writeln!(
            text,
            "assumed: the issuers ask the same of their tokens as before (audiences, algorithms, proof of app-only tokens); \
             {} decisions of an older version don't say so",
            report.token_rules_assumed
        )?;
    }
    Ok(())
}

fn table(text: &mut String, title: &str, changes: &Changes) -> std::fmt::Result {
    if changes.count == 0 {
        return Ok(());
    }
    let heads = ["count", "application", "user", "tenant", "route", "was", "now"].map(str::to_owned);
    let rows = changes.groups.iter().map(|group| {
        let who = &group.who;
        let claim = |claim: &Option<String>| claim.as_deref().map_or_else(|| "-".to_owned(), cell);
        let [application, user, tenant] = [&who.application, &who.user, &who.tenant].map(claim);
        [group.count.to_string(), application, user, tenant, cell(&who.route), cell(&who.was), cell(&who.reason)]
    });
    let rows: Vec<[String; 7]> = std::iter::once(heads).chain(rows).collect();
    let numbers = [true, false, false, false, false, false, false];
    write!(text, "\n{title}:\n{}", columns(&rows, numbers, "  "))?;
    if changes.not_listed > 0 {
        writeln!(text, "  and {} more, from callers that are not listed (see --top)", changes.not_listed)?;
    }
    Ok(())
}
