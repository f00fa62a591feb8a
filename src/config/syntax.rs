//! What is wrong with a file that isn't YAML, for those who don't know the parser: the line, its field, and the fix.

use super::outline::{Line, field_at, lines, open_at};
use super::tree::Place;

/// A diagnosis.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Option<Place>,
    pub(super) field: String,
    pub(super) message: String,
    pub(super) fix: String,
}

/// A place, the message and the fix.
type Found = (Place, String, String);

/// Finds what the parser's message means in this text.
pub(super) fn diagnose(text: &str, at: Option<Place>, message: &str) -> Fault {
    let Some(place) = at else {
        let fix = "correct the YAML syntax".to_owned();
        return Fault { place: None, field: String::new(), message: message.to_owned(), fix };
    };
    let case = Case { text, place, says: message, lines: lines(text) };
    let found = case
        .template()
        .or_else(|| case.named())
        .or_else(|| case.quote())
        .or_else(|| case.bracket())
        .or_else(|| case.first_character())
        .or_else(|| case.no_field())
        .or_else(|| case.two_colons());
    if let Some((place, message, fix)) = found.filter(|_| case.odd_indentation().is_none()) {
        // A second document is of no field, and a file that is too large is as a whole.
        let field = if case.says.starts_with("multiple") || case.says.starts_with("budget") {
            String::new()
        } else {
            field_at(text, place.line)
        };
        return Fault { place: Some(place), field, message, fix };
    }
    if let Some(((place, message, fix), indent)) = case.odd_indentation().or_else(|| case.indentation()) {
        let field = field_at(&case.indented(place.line, indent), place.line);
        return Fault { place: Some(place), field, message, fix };
    }
    let (message, fix) = (format!("this is not YAML: {message}"), "correct the syntax here".to_owned());
    Fault { place: Some(place), field: field_at(text, place.line), message, fix }
}

/// An error of the parser.
struct Case<'t> {
    text: &'t str,
    place: Place,
    says: &'t str,
    lines: Vec<Line<'t>>,
}

impl<'t> Case<'t> {
    /// The line of the error, or the last one before it.
    fn line(&self) -> Option<Line<'t>> {
        self.lines.iter().rev().find(|line| line.number <= self.place.line).copied()
    }

    /// The line before that.
    fn previous(&self) -> Option<Line<'t>> {
        let line = self.line()?;
        self.lines.iter().rev().find(|other| other.number < line.number).copied()
    }

    fn raw(&self, number: usize) -> &'t str {
        number.checked_sub(1).and_then(|at| self.text.lines().nth(at)).unwrap_or_default()
    }

    /// Errors that the parser describes.
    fn named(&self) -> Option<Found> {
        let place = self.place;
        if let Some(key) = self.says.strip_prefix("duplicate mapping key: ") {
            let key = key.split(',').next().unwrap_or_default();
            let same = |line: &&Line<'_>| {
                line.field().is_some_and(|field| field.key == key && field.column + 1 == place.column)
            };
            let first = self.lines.iter().rev().filter(|line| line.number < place.line).find(same);
            let first = first.map(|line| format!(": first in line {}", line.number)).unwrap_or_default();
            let fix = "remove one of the two; if this begins another item of a list, write `- ` before it";
            let place = Place { length: key.chars().count(), ..place };
            return Some((place, format!("the key `{key}` occurs twice{first}"), fix.to_owned()));
        }
        if let Some(name) = self.says.strip_prefix("missing property ") {
            let fix = "set it, or write a default: `${NAME:-default}`".to_owned();
            return Some((place, format!("the environment variable {name} is not set"), fix));
        }
        if let Some(name) = self.says.strip_prefix("Invalid name: ") {
            let message = format!("{name} is neither `${{NAME}}` nor `${{NAME:-default}}`");
            let fix = "a name has letters, digits and underscores; write `:-` before a default";
            return Some((place, message.replace('\'', "`"), fix.to_owned()));
        }
        if self.says.starts_with("budget breached") {
            let fix = "write fewer values: one prefix in place of many paths; a file holds 250000 values, 35000 routes";
            return Some((place, "the file has more values than the gateway reads".to_owned(), fix.to_owned()));
        }
        if self.says.starts_with("expected string scalar") {
            let fix = "write a plain word and a colon; put a value that begins with `[` or `{` behind a field's name";
            return Some((place, "the name of a field must be a word".to_owned(), fix.to_owned()));
        }
        if self.says.starts_with("multiple YAML documents") {
            let fix = "keep one document, and remove `---` after it";
            return Some((place, "a second YAML document begins here".to_owned(), fix.to_owned()));
        }
        if self.raw(place.line).contains("${") && !self.says.contains("quoted") {
            let fix = "a variable can't be there: write the field on its own lines";
            return Some((place, "`${…}` stands inside `[ ]` or `{ }`".to_owned(), fix.to_owned()));
        }
        None
    }

    /// The text with a line indented as it is meant to be.
    fn indented(&self, number: usize, indent: usize) -> String {
        let line = |(at, line): (usize, &str)| {
            let body = line.trim_start();
            if at + 1 == number { [&" ".repeat(indent), body, "\n"].concat() } else { [line, "\n"].concat() }
        };
        self.text.lines().enumerate().map(line).collect()
    }

    /// Characters that look like spaces and aren't; with the indentation that is meant.
    fn odd_indentation(&self) -> Option<(Found, usize)> {
        let near = self.text.lines().enumerate().take(self.place.line + 2);
        near.skip(self.place.line.saturating_sub(3)).find_map(|(at, line)| {
            let column = line.chars().position(|char| char != ' ')?;
            let odd = line.chars().nth(column)?;
            let place = Place { line: at + 1, column: column + 1, length: 1 };
            if line.trim().is_empty() {
                return None;
            }
            let before = self.lines.iter().rev().find(|other| other.number <= at);
            let indent = before.map_or(0, Line::content);
            if odd == '\t' {
                let found = (place, "this line is indented with a tab".to_owned(), "indent with spaces".to_owned());
                return Some((found, indent));
            }
            let message = format!("this line is indented with the character U+{:04X}", u32::from(odd));
            let is_odd = odd.is_whitespace() || crate::visible::is_odd(odd);
            is_odd.then(|| ((place, message, "indent with ordinary spaces".to_owned()), indent))
        })
    }

    fn template(&self) -> Option<Found> {
        let line = self.raw(self.place.line);
        let column = line.find("{{").and_then(|at| line.get(..at))?.chars().count() + 1;
        let place = Place { column, length: 2, ..self.place };
        let message = "`{{ … }}` is of a template that was not rendered";
        Some((place, message.to_owned(), "render the template first, or write `${NAME}` for a variable".to_owned()))
    }

    fn quote(&self) -> Option<Found> {
        if self.says.contains("escape") {
            let fix = "write the value in single quotes: a backslash means itself there";
            return Some((
                self.place,
                "a backslash in double quotes begins an escape that YAML doesn't have".to_owned(),
                fix.to_owned(),
            ));
        }
        let open =
            open_at(self.text, self.place.line, self.place.column).filter(|open| matches!(open.char, '"' | '\''))?;
        Some((
            open.place,
            format!("the quote `{}` that opens here is not closed", open.char),
            "close it at the end of the value".to_owned(),
        ))
    }

    fn bracket(&self) -> Option<Found> {
        if self.says.starts_with("mismatched bracket") || self.says.starts_with("unexpected closing") {
            let message = format!("this is a {}", self.says);
            return Some((self.place, message, "close each `[` with `]`, and each `{` with `}`".to_owned()));
        }
        // What is wrong within brackets has its own words.
        if self.says.contains("unexpected character") || self.says.contains("anchor") {
            return None;
        }
        let open = open_at(self.text, self.place.line, self.place.column)?;
        let close = if open.char == '[' { ']' } else { '}' };
        let message = format!("the `{}` that opens here is not closed", open.char);
        Some((open.place, message, format!("close it with `{close}`")))
    }

    /// Characters that no plain value begins with.
    fn first_character(&self) -> Option<Found> {
        let char = self.raw(self.place.line).chars().nth(self.place.column.saturating_sub(1))?;
        let reserved = self.says.contains("unexpected character") || self.says.contains("anchor");
        if !reserved {
            return None;
        }
        let message = match char {
            '*' => {
                "a value that begins with `*` is a reference to an anchor, and there is none of this name".to_owned()
            }
            _ => format!("a value can't begin with `{char}`"),
        };
        Some((self.place, message, "put the value in quotes".to_owned()))
    }

    /// A line that is no field, because a space or a colon is missing. It is that of the error or the one before it.
    fn no_field(&self) -> Option<Found> {
        let (line, previous) = (self.line()?, self.previous());
        if let Some(block) = previous.filter(|line| line.body.ends_with(['|', '>']))
            && line.field().is_none()
        {
            let message =
                format!("this line belongs to the text that line {} begins, and is not indented further", block.number);
            return Some((line.place(), message, format!("indent it by {}", spaces(block.content() + 2))));
        }
        previous.into_iter().chain([line]).find_map(|line| {
            let body = line.body;
            if let Some(rest) = body.strip_prefix('-').filter(|rest| !rest.starts_with([' ', '-']) && !rest.is_empty())
            {
                return Some((
                    line.place(),
                    "there is no space after the dash".to_owned(),
                    format!("write `- {rest}`"),
                ));
            }
            if line.field().is_some() || body.starts_with(['"', '\'', '[', '{', '?']) || body == "-" {
                return None;
            }
            let rest = body.trim_start_matches(['-', ' ']);
            let is_word =
                |word: &str| !word.is_empty() && word.chars().all(|char| char.is_ascii_lowercase() || char == '_');
            if let Some((key, value)) =
                rest.split_once(':').filter(|(key, value)| is_word(key) && !value.starts_with("//"))
            {
                let message = format!("there is no space after `{key}:`");
                return Some((line.place(), message, format!("write `{key}: {value}`")));
            }
            let fix = match rest.split_once(' ') {
                Some((key, value)) if is_word(key) => format!("write `{key}: {}`", value.trim()),
                _ => "write `field: value`, or `- value` in a list".to_owned(),
            };
            // A value may go over several lines; only in front of a field is this wrong.
            Some((line.place(), "this line is not a field and its value: it has no colon".to_owned(), fix))
        })
    }

    fn two_colons(&self) -> Option<Found> {
        let line = self.line().filter(|_| self.says.contains("mapping values"))?;
        let field = line.field().filter(|field| field.value.contains(": ") || field.value.ends_with(':'))?;
        let fix = format!("put the value in quotes: `{}: \"{}\"`", field.key, field.value.replace('"', "'"));
        Some((self.place, "the value contains a colon and a space, as a field does".to_owned(), fix))
    }

    /// A line that is indented as none above it; with the indentation that is meant.
    fn indentation(&self) -> Option<(Found, usize)> {
        let line = self.line()?;
        let above = self.above(line);
        let (place, indent) = (line.place(), line.indent);
        let nearest = above.iter().min_by_key(|(column, _)| (column.abs_diff(indent), usize::MAX - column))?;
        let beside = |key: &str| if key == "-" { "the item".to_owned() } else { format!("`{key}`") };
        let message = if above.iter().any(|(column, _)| *column == indent) {
            format!("this line does not fit the lines above it: {}", self.says)
        } else {
            format!("this line is indented by {}, like no line above it", spaces(indent))
        };
        let fix = format!("indent it by {}, like {} above", spaces(nearest.0), beside(nearest.1));
        Some(((place, message, fix), nearest.0))
    }

    /// The columns of the fields and items that a line could stand beside.
    fn above(&self, line: Line<'t>) -> Vec<(usize, &'t str)> {
        let mut columns: Vec<(usize, &str)> = Vec::new();
        for other in self.lines.iter().rev().filter(|other| other.number < line.number) {
            let lowest = columns.last().map_or(usize::MAX, |(column, _)| *column);
            let field = other.field().map(|field| (field.column, field.key));
            let item = other.body.starts_with('-').then_some((other.indent, "-"));
            columns.extend(field.into_iter().chain(item).filter(|(column, _)| *column < lowest));
        }
        // A field stands beside a field, and an item beside an item.
        let is_item = line.body.starts_with('-');
        if columns.iter().any(|(_, key)| (*key == "-") == is_item) {
            columns.retain(|(_, key)| (*key == "-") == is_item);
        }
        columns
    }
}

fn spaces(count: usize) -> String {
    if count == 1 { "1 space".to_owned() } else { format!("{count} spaces") }
}
