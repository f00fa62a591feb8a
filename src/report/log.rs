//! The counts of decision logs: for those who have no store, and to check its figures.

use std::io::{self, BufRead};

use serde::Serialize;

use super::counts::Counts;
use crate::journal::{Line, Lines};

/// How many malformed lines are named.
const MAX_NAMED: usize = 20;

/// What logs don't tell.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Incomplete {
    /// Lines that can't be read.
    pub(crate) malformed: u64,
    /// The first of them: the log, the line's number, and what is wrong.
    pub(crate) first: Vec<(String, u64, String)>,
    /// Lines that the gateway lost, by its own notices.
    pub(crate) lost: u64,
    /// Decisions of logs that have refusals alone (`log.decisions: denied`).
    pub(crate) without_permits: u64,
}

impl Incomplete {
    /// Whether the figures are those of all decisions.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Counts {
    /// Counts the decisions of a log. What it lacks is noted.
    ///
    /// # Errors
    ///
    /// If the log can't be read.
    pub(crate) fn take(
        &mut self,
        name: &str,
        mut lines: Lines<impl BufRead>,
        incomplete: &mut Incomplete,
    ) -> io::Result<()> {
        while let Some((number, line)) = lines.next()? {
            let problem = match line {
                Line::Decision(line) => {
                    incomplete.without_permits += u64::from(line.logged == "denied");
                    self.decision(&line).err()
                }
                Line::Other => None,
                Line::Lost(lines) => {
                    incomplete.lost += lines;
                    None
                }
                Line::Malformed(problem) => Some(problem),
            };
            if let Some(problem) = problem {
                incomplete.malformed += 1;
                if incomplete.first.len() < MAX_NAMED {
                    incomplete.first.push((name.to_owned(), number, problem));
                }
            }
        }
        Ok(())
    }
}
