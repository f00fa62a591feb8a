//! The problems of a configuration file, their places and fixes.

use std::fmt;
use std::ops::Deref;

use super::syntax::{Fault, diagnose};
use super::tree::{Place, Tree};
use crate::visible::visible;

/// One problem.
#[derive(Clone, Debug)]
pub struct Problem {
    place: Option<Place>,
    /// The field, as `routes[0].upstream`; empty for the file as a whole.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: String,
}

impl Problem {
    /// Its line and column, counted from 1, if it is at one place.
    #[must_use]
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.map(|place| (place.line, place.column))
    }
}

/// A remark on a valid configuration. As a text, it is shown with its place and fix.
#[derive(Clone, Debug)]
pub struct Warning {
    problem: Problem,
    place: String,
    shown: String,
}

impl Warning {
    /// What is to be considered.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The file, line and column.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl Deref for Warning {
    type Target = str;

    fn deref(&self) -> &str {
        &self.shown
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// All problems of a configuration file.
#[derive(Clone, Debug)]
pub struct ConfigError {
    file: String,
    lines: Vec<String>,
    problems: Vec<Problem>,
}

/// Collects problems while a file is read.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    tree: &'t Tree,
    found: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
        Self { tree, found: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds a problem of the field at `path`.
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.add_at(self.tree.place_of(path), path, message, fix);
    }

    pub(super) fn add_at(&mut self, place: Place, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        let (field, message, fix) = (path.to_owned(), message.into(), fix.into());
        self.found.push(Problem { place: Some(place), field, message, fix });
    }

    /// Adds a warning about a valid value at `path`.
    pub(super) fn warn(&mut self, path: &str, message: impl Into<String>, fix: impl Into<String>) {
        let (field, message, fix) = (path.to_owned(), message.into(), fix.into());
        self.warnings.push(Problem { place: Some(self.tree.place_of(path)), field, message, fix });
    }

    /// The warnings.
    pub(super) fn warnings(self, file: &str, text: &str) -> Vec<Warning> {
        let own = ConfigError { file: file.to_owned(), lines: lines(text), problems: Vec::new() };
        let warning = |problem| {
            let shown = Shown(&own, "warning", &problem).to_string();
            Warning { place: own.place_of(&problem), problem, shown }
        };
        self.warnings.into_iter().map(warning).collect()
    }
}

impl ConfigError {
    pub(super) fn new(file: &str, text: &str, problems: Problems<'_>) -> Self {
        let mut problems = problems.found;
        problems.sort_by_key(|problem| problem.place);
        Self { file: file.to_owned(), lines: lines(text), problems }
    }

    pub(super) fn unreadable(file: &str, message: &str, fix: &str) -> Self {
        let (message, fix) = (message.to_owned(), fix.to_owned());
        let problem = Problem { place: None, field: String::new(), message, fix };
        Self { file: file.to_owned(), lines: Vec::new(), problems: vec![problem] }
    }

    pub(super) fn yaml(file: &str, text: &str, error: &serde_saphyr::Error) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let place =
            error.location().map(|at| Place { line: number(at.line()), column: number(at.column()), length: 1 });
        // The parser's own rendering has a second copy of the snippet; its first line is the message and the place.
        let message = error.without_snippet().render();
        let message = message.lines().next().unwrap_or_default();
        let Fault { place, field, message, fix } =
            diagnose(text, place, message.split(" at line ").next().unwrap_or_default());
        let problem = Problem { place, field, message, fix };
        Self { file: file.to_owned(), lines: lines(text), problems: vec![problem] }
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where one of them is: the file, and the line and column if it is at one place.
    #[must_use]
    pub fn place_of(&self, problem: &Problem) -> String {
        match problem.line_and_column() {
            Some((line, column)) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{}", Shown(self, "error", problem))?;
        }
        let count = self.problems.len();
        write!(f, "{}: {count} {}", self.file, if count == 1 { "problem" } else { "problems" })
    }
}

/// The part of a line before a place, and the part there.
fn parts(line: &str, place: Place) -> (String, String) {
    let before = place.column.saturating_sub(1);
    let marked = line.chars().skip(before).take(place.length.max(1));
    (line.chars().take(before).collect(), marked.collect())
}

/// A problem with its place, as compilers show them.
struct Shown<'e>(&'e ConfigError, &'static str, &'e Problem);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error, word, problem) = self;
        if problem.field.is_empty() {
            writeln!(f, "{word}: {}", visible(&problem.message))?;
        } else {
            writeln!(f, "{word}: {}: {}", visible(&problem.field), visible(&problem.message))?;
        }
        let (file, fix) = (visible(&error.file), visible(&problem.fix));
        let Some(place) = problem.place else {
            writeln!(f, "  --> {file}")?;
            return writeln!(f, "   = fix: {fix}");
        };
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(f, "{gutter}--> {file}:{}:{}", place.line, place.column)?;
        if let Some(line) = place.line.checked_sub(1).and_then(|at| error.lines.get(at)) {
            // The marks stand below what is shown of the line, which can be longer than the line.
            let (before, marked) = parts(line, place);
            let (before, marked) = (visible(&before).chars().count(), visible(&marked).chars().count().max(1));
            writeln!(f, "{gutter} |")?;
            writeln!(f, "{number} | {}", visible(line))?;
            writeln!(f, "{gutter} | {}{}", " ".repeat(before), "^".repeat(marked))?;
        }
        writeln!(f, "{gutter} = fix: {fix}")
    }
}
