//! Tables of texts for a terminal.

use std::fmt::Write;

use crate::visible::visible;

/// The maximum length of a cell. A user can choose the value of some claims.
const MAX_CELL: usize = 64;

/// The rows as lines, each column as wide as its longest cell. `numbers` says which columns are written to the right.
pub(super) fn table<const N: usize>(rows: &[[String; N]], numbers: [bool; N], indent: &str) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (at, cell) in row.iter().enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            let width = widths[at];
            let written =
                if numbers[at] { write!(line, "{gap}{cell:>width$}") } else { write!(line, "{gap}{cell:<width$}") };
            debug_assert!(written.is_ok(), "a String takes any text");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A cell of foreign text: visible, and not too long.
pub(super) fn cell(text: &str) -> String {
    let text = visible(text);
    if text.chars().count() <= MAX_CELL {
        return text.into_owned();
    }
    text.chars().take(MAX_CELL - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["count", "name"], ["7", "a\u{1b}"], ["12345678", ""]].map(|row| row.map(cell));
        let expected = "     count  name\n         7  a\\u{1b}\n  12345678\n";
        assert_eq!(table(&rows, [true, false], "  "), expected);
        assert_eq!(cell(&"x".repeat(100)).chars().count(), MAX_CELL);
    }
}
