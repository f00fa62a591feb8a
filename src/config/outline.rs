//! The outline of a file that isn't YAML: which lines are there, which field each is of, and what is open at a place.
//!
//! The parser gives up at its first error, often behind the line that is wrong. This reads on, without its rigour.

use std::fmt::Write;

use super::tree::Place;

/// A line that isn't blank and is no comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    /// From 1.
    pub(super) number: usize,
    /// The spaces before its first character.
    pub(super) indent: usize,
    /// The rest, without a comment on its own line.
    pub(super) body: &'t str,
}

/// A field of a line: `key: value`, with or without dashes before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'t> {
    /// Where the key begins, from 0.
    pub(super) column: usize,
    pub(super) key: &'t str,
    pub(super) value: &'t str,
}

/// What is open at a place: a quote, else the innermost bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) char: char,
    pub(super) place: Place,
}

/// The lines of a text.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let line = |(at, line)| Line::of(at + 1, line);
    let is_content = |line: &Line<'_>| !line.body.is_empty() && !line.body.starts_with('#') && line.body != "---";
    text.lines().enumerate().map(line).filter(is_content).collect()
}

impl<'t> Line<'t> {
    fn of(number: usize, line: &'t str) -> Self {
        let body = line.trim_start_matches(' ');
        Self { number, indent: line.len() - body.len(), body: body.trim_end() }
    }

    /// The columns of the dashes that begin items on this line, from 0, and what follows the last of them.
    fn items(&self) -> (Vec<usize>, &'t str) {
        let (mut dashes, mut rest) = (Vec::new(), self.body);
        while let Some(after) = rest.strip_prefix('-').filter(|after| after.is_empty() || after.starts_with(' ')) {
            dashes.push(self.indent + self.body.len() - rest.len());
            rest = after.trim_start_matches(' ');
        }
        (dashes, rest)
    }

    /// Its field, if it is one.
    pub(super) fn field(&self) -> Option<Field<'t>> {
        let (_, rest) = self.items();
        let (key, value) = rest.split_once(':').filter(|(_, value)| value.is_empty() || value.starts_with(' '))?;
        let is_word = key.starts_with(char::is_alphabetic)
            && key.chars().all(|char| char.is_alphanumeric() || "_-.".contains(char));
        let column = self.indent + self.body.chars().count() - rest.chars().count();
        is_word.then(|| Field { column, key, value: value.trim() })
    }

    /// The column of what stands behind its dashes, from 0.
    pub(super) fn content(&self) -> usize {
        let (_, rest) = self.items();
        self.indent + self.body.chars().count() - rest.chars().count()
    }

    /// The place of its first character.
    pub(super) fn place(&self) -> Place {
        Place { line: self.number, column: self.indent + 1, length: self.body.chars().count() }
    }
}

/// What a line stands below.
enum Step<'t> {
    Key(usize, &'t str),
    Item(usize, usize),
}

impl Step<'_> {
    fn column(&self) -> usize {
        match self {
            Self::Key(column, _) | Self::Item(column, _) => *column,
        }
    }
}

/// The field of a line, as `routes[0].prefix`; empty if it is of none.
pub(super) fn field_at(text: &str, number: usize) -> String {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in lines(text).into_iter().take_while(|line| line.number <= number) {
        let (dashes, _) = line.items();
        for column in dashes {
            steps.retain(|step| step.column() <= column);
            match steps.last_mut() {
                Some(Step::Item(at, index)) if *at == column => *index += 1,
                _ => steps.push(Step::Item(column, 0)),
            }
        }
        if let Some(Field { column, key, .. }) = line.field() {
            steps.retain(|step| step.column() < column);
            steps.push(Step::Key(column, key));
        } else {
            let content = line.content();
            steps.retain(|step| step.column() < content || line.number < number);
        }
    }
    let mut field = String::new();
    for step in steps {
        match step {
            Step::Key(_, key) if field.is_empty() => field.push_str(key),
            Step::Key(_, key) => field.extend([".", key]),
            // Writing into a text doesn't fail.
            Step::Item(_, index) => _ = write!(field, "[{index}]"),
        }
    }
    field
}

/// What is open before a place.
pub(super) fn open_at(text: &str, line: usize, column: usize) -> Option<Open> {
    let mut open: Vec<Open> = Vec::new();
    for (at, content) in text.lines().enumerate().take(line) {
        let most = if at + 1 == line { column.saturating_sub(1) } else { usize::MAX };
        let mut before = ' ';
        // The last character that isn't a space: a quote begins a value only behind these.
        let mut last = ':';
        let mut chars = content.chars().enumerate().take(most);
        while let Some((index, char)) = chars.next() {
            let place = Place { line: at + 1, column: index + 1, length: 1 };
            match (open.last().map(|open| open.char), char) {
                (Some('"'), '\\') => _ = chars.next(),
                (Some(quote @ ('"' | '\'')), _) if char == quote => _ = open.pop(),
                (Some('"' | '\''), _) => {}
                (_, '#') if before.is_whitespace() => break,
                (_, '"' | '\'') if ":,[{-".contains(last) => open.push(Open { char, place }),
                (None, '[' | '{') if !":-".contains(last) => {}
                (_, '[' | '{') => open.push(Open { char, place }),
                (Some('['), ']') | (Some('{'), '}') => _ = open.pop(),
                _ => {}
            }
            before = char;
            if !char.is_whitespace() {
                last = char;
            }
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
listeners:
  - address: 0.0.0.0:8080   # here
issuers:
- name: idp
  audiences: [a,
    b]
- name: other
  keys:
    timeout: 5s
routes:
  - prefix: /v1/

    upstream: api
";

    #[test]
    fn a_line_knows_its_field() {
        let fields: Vec<String> = (1..=13).map(|number| field_at(FILE, number)).collect();
        assert_eq!(fields[..2], ["listeners", "listeners[0].address"]);
        assert_eq!((&*fields[3], &*fields[6]), ("issuers[0].name", "issuers[1].name"));
        assert_eq!((&*fields[8], &*fields[9]), ("issuers[1].keys.timeout", "routes"));
        assert_eq!((&*fields[12], field_at("", 1)), ("routes[0].upstream", String::new()));
    }

    #[test]
    fn what_is_open_is_found_where_it_was_opened() {
        let open = |text: &str| {
            let last = text.lines().count();
            open_at(text, last, usize::MAX).map(|open| (open.char, open.place.line, open.place.column))
        };
        assert_eq!(open(FILE), None);
        assert_eq!(open("a: [b\nc:"), Some(('[', 1, 4)));
        assert_eq!(open("a: { b: [c] \nc: 1"), Some(('{', 1, 4)));
        assert_eq!(open("a: \"b\nc: 1"), Some(('"', 1, 4)));
        assert_eq!(open("a: \"b\\\"\nc: 1"), Some(('"', 1, 4)));
        for closed in
            ["a: it's\nb: 1", "a: b # [\nc: 1", "a: 'x # ['\nb: 1", "a: \"[\"", "a: b[c\nd: 1", "a: ['x', \"y\"]"]
        {
            assert_eq!(open(closed), None, "{closed}");
        }
    }
}
