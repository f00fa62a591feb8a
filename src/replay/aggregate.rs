//! Counts the results of a rehearsal, in bounded memory.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::ops::Range;

use super::rehearse::{Outcome, Rehearsal};
use super::report::{Changes, Group, Malformed, Report, Who};
use crate::journal::{DecisionLine, Line, Lines};
use mfa_gateway_core::clock::Timestamp;

/// How many groups are kept. Decisions of further groups are only counted.
const MAX_GROUPS: usize = 100_000;

/// How many malformed lines are named.
const MAX_NAMED: usize = 20;

/// The counts so far.
#[derive(Debug)]
pub(crate) struct Aggregate {
    rehearsal: Rehearsal,
    /// The time of the decisions that count; all if absent.
    span: Option<Range<Timestamp>>,
    report: Report,
    refused: Groups,
    permitted: Groups,
}

#[derive(Debug, Default)]
struct Groups {
    counts: HashMap<Who, u64>,
    count: u64,
}

impl Aggregate {
    pub(crate) fn new(rehearsal: Rehearsal) -> Self {
        let (refused, permitted) = (Groups::default(), Groups::default());
        Self { rehearsal, span: None, report: Report::default(), refused, permitted }
    }

    /// The same, of the decisions in a span of time alone.
    pub(crate) fn within(self, span: Option<Range<Timestamp>>) -> Self {
        Self { span, ..self }
    }

    fn is_outside(&self, line: &DecisionLine<'_>) -> bool {
        let at = Timestamp::parse(&line.time);
        at.is_some_and(|at| self.span.as_ref().is_some_and(|span| !span.contains(&at)))
    }

    /// Reads all lines of a log. Malformed lines are reported under `name`.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub(crate) fn take(&mut self, name: &str, mut lines: Lines<impl BufRead>) -> io::Result<()> {
        while let Some((number, line)) = lines.next()? {
            if matches!(&line, Line::Decision(line) if self.is_outside(line)) {
                continue;
            }
            self.report.lines.read += 1;
            let result = match line {
                Line::Decision(line) => self.decision(&line),
                Line::Other => {
                    self.report.lines.other += 1;
                    Ok(())
                }
                Line::Lost(lines) => {
                    self.report.lines.other += 1;
                    self.report.lines_lost += lines;
                    Ok(())
                }
                Line::Malformed(problem) => Err(problem),
            };
            if let Err(problem) = result {
                self.report.lines.malformed += 1;
                if self.report.malformed.len() < MAX_NAMED {
                    self.report.malformed.push(Malformed { log: name.to_owned(), line: number, problem });
                }
            }
        }
        Ok(())
    }

    fn decision(&mut self, line: &DecisionLine<'_>) -> Result<(), String> {
        let again = self.rehearsal.decide(line)?;
        let report = &mut self.report;
        report.lines.decisions += 1;
        let before = if again.was_permitted { &mut report.recorded.permitted } else { &mut report.recorded.refused };
        *before += 1;
        if again.was_permitted && !matches!(line.grounds.as_deref(), Some("report_only" | "exempt")) {
            report.recorded.ordinary += 1;
        }
        match &*line.logged {
            "all" => {}
            "" => report.recorded.of_older_versions += 1,
            _ => report.recorded.without_permits += 1,
        }
        if let Outcome::Undetermined(why) = again.now {
            *report.undetermined.entry(why).or_default() += 1;
            return Ok(());
        }
        report.decided_again += 1;
        report.recorded_findings_taken += u64::from(again.finding_taken);
        report.token_rules_assumed += u64::from(again.token_rules_assumed);
        match (again.was_permitted, again.now) {
            (true, Outcome::Deny(reason)) => self.refused.add(line, reason),
            (false, Outcome::Permit(grounds)) => self.permitted.add(line, grounds.to_owned()),
            _ => report.unchanged += 1,
        }
        Ok(())
    }

    /// The report; for each change, the `top` groups.
    pub(crate) fn finish(self, top: usize) -> Report {
        let (newly_refused, newly_permitted) = (self.refused.finish(top), self.permitted.finish(top));
        let mut report = Report { newly_refused, newly_permitted, ..self.report };
        report.result = report.conclusion();
        report
    }
}

impl Groups {
    fn add(&mut self, line: &DecisionLine<'_>, reason: String) {
        self.count += 1;
        let own = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let was = line.grounds.as_deref().or(line.reason.as_deref()).unwrap_or_default();
        let who = Who {
            application: own(&line.application),
            user: own(&line.user),
            tenant: own(&line.tenant),
            route: line.route.clone().into_owned(),
            was: was.to_owned(),
            reason,
        };
        let full = self.counts.len() >= MAX_GROUPS;
        match self.counts.get_mut(&who) {
            Some(count) => *count += 1,
            None if full => {}
            None => _ = self.counts.insert(who, 1),
        }
    }

    fn finish(self, top: usize) -> Changes {
        let mut groups: Vec<Group> = self.counts.into_iter().map(|(who, count)| Group { count, who }).collect();
        groups.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.who.cmp(&other.who)));
        groups.truncate(top);
        let listed: u64 = groups.iter().map(|group| group.count).sum();
        Changes { count: self.count, groups, not_listed: self.count - listed }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn callers_beyond_the_bound_are_counted_and_not_kept() {
        let mut line: DecisionLine<'static> = serde_json::from_value(json!({
            "event": "decision", "time": "", "request_id": "", "correlation_id": "", "method": "GET", "route": "/",
            "requirement": "mfa", "decision": "permit", "grounds": "report_only", "generation": 1,
        }))
        .unwrap();
        let mut groups = Groups::default();
        for at in 0..MAX_GROUPS + 5 {
            line.user = Some(at.to_string().into());
            groups.add(&line, "mfa_missing".to_owned());
        }
        line.user = Some("7".into());
        groups.add(&line, "mfa_missing".to_owned());
        assert_eq!(groups.counts.len(), MAX_GROUPS);
        let changes = groups.finish(1);
        assert_eq!((changes.count, changes.not_listed), (MAX_GROUPS as u64 + 6, MAX_GROUPS as u64 + 4));
        assert_eq!((changes.groups[0].count, changes.groups[0].who.user.as_deref()), (2, Some("7")));
    }
}
