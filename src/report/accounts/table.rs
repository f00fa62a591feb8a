//! Tables as CSV (RFC 4180), read strictly: from a table that is read wrongly would come a wrong share.

use std::borrow::Cow;

/// What is wrong in a list, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    /// The character in the line, from 1.
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) fix: &'static str,
}

/// A cell, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) column: usize,
}

/// A row, and the line that it begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row<'t> {
    pub(super) line: usize,
    pub(super) cells: Vec<Cell<'t>>,
}

/// A table, row by row.
#[derive(Debug)]
pub(super) struct Table<'t> {
    rest: &'t str,
    separator: char,
    line: usize,
    column: usize,
}

/// What stands before the next cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Cell,
    Row,
}

impl<'t> Table<'t> {
    /// A table whose first row has the names of its columns. Spreadsheets of some countries write semicolons.
    pub(super) fn new(text: &'t str) -> Self {
        let mut table = Self { rest: text, separator: ',', line: 1, column: 1 };
        // Windows PowerShell writes the type of the rows first.
        if text.starts_with("#TYPE ") {
            table.take(text.find('\n').map_or(text.len(), |end| end + 1));
        }
        let head = table.rest.lines().next().unwrap_or_default();
        table.separator = [',', ';', '\t'].into_iter().find(|separator| head.contains(*separator)).unwrap_or(',');
        table
    }

    /// The next row that isn't empty.
    ///
    /// # Errors
    ///
    /// If a quoted cell doesn't end, or goes on after its end.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'t>>, Fault> {
        while let Some(end) =
            [("\r\n", 2), ("\n", 1)].into_iter().find_map(|(end, length)| self.rest.starts_with(end).then_some(length))
        {
            self.take(end);
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Row { line: self.line, cells: Vec::new() };
        loop {
            let column = self.column;
            let (text, then) = if self.rest.starts_with('"') { self.quoted()? } else { self.plain()? };
            row.cells.push(Cell { text, column });
            if then == Then::Row {
                return Ok(Some(row));
            }
        }
    }

    fn plain(&mut self) -> Result<(Cow<'t, str>, Then), Fault> {
        let end = self.rest.find([self.separator, '\n', '"']).unwrap_or(self.rest.len());
        let text = self.take(end);
        if self.rest.starts_with('"') {
            return Err(self.fault("a quote within a cell that doesn't begin with one", "write `\"a \"\"b\"\" c\"`"));
        }
        let then = self.after();
        let text = if then == Then::Row { text.strip_suffix('\r').unwrap_or(text) } else { text };
        Ok((Cow::Borrowed(text), then))
    }

    fn quoted(&mut self) -> Result<(Cow<'t, str>, Then), Fault> {
        let begin = (self.line, self.column);
        self.take(1);
        let mut text = Cow::Borrowed("");
        loop {
            let Some(end) = self.rest.find('"') else {
                let (line, column) = begin;
                let message = "the quoted cell doesn't end".to_owned();
                return Err(Fault { line, column, message, fix: "export the list again; the file may be cut off" });
            };
            let part = self.take(end);
            text = if text.is_empty() { Cow::Borrowed(part) } else { text + part };
            self.take(1);
            if !self.rest.starts_with('"') {
                break;
            }
            // Two quotes stand for one.
            self.take(1);
            text += "\"";
        }
        if self.rest.starts_with("\r\n") {
            self.take(1);
        }
        if !self.rest.is_empty() && !self.rest.starts_with([self.separator, '\n']) {
            return Err(self.fault("text after the end of a quoted cell", "put the whole cell into the quotes"));
        }
        Ok((text, self.after()))
    }

    /// Goes beyond the separator or the line's end.
    fn after(&mut self) -> Then {
        let is_cell = self.rest.starts_with(self.separator);
        self.take(usize::from(!self.rest.is_empty()));
        if is_cell { Then::Cell } else { Then::Row }
    }

    /// Takes so many bytes, and counts their lines and characters.
    fn take(&mut self, bytes: usize) -> &'t str {
        let Some((taken, rest)) = self.rest.split_at_checked(bytes) else { return "" };
        self.rest = rest;
        match taken.rfind('\n') {
            None => self.column += taken.chars().count(),
            Some(at) => {
                self.line += taken.matches('\n').count();
                self.column = 1 + taken.get(at + 1..).map_or(0, |last| last.chars().count());
            }
        }
        taken
    }

    fn fault(&self, message: &str, fix: &'static str) -> Fault {
        Fault { line: self.line, column: self.column, message: message.to_owned(), fix }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str) -> Result<Vec<Vec<String>>, Fault> {
        let (mut table, mut rows) = (Table::new(text), Vec::new());
        while let Some(row) = table.next_row()? {
            rows.push(row.cells.into_iter().map(|cell| cell.text.into_owned()).collect());
        }
        Ok(rows)
    }

    #[test]
    fn tables_are_read_as_their_programs_write_them() {
        for text in
            ["a,b\n1,2\n", "a,b\r\n1,2", "a;b\n1;2\n", "a\tb\n\n1\t2\n", "#TYPE X.Y\r\n\"a\",\"b\"\r\n\"1\",\"2\"\r\n"]
        {
            assert_eq!(rows(text).unwrap(), [["a", "b"], ["1", "2"]], "{text}");
        }
        let quoted = "a,b\n\"x, \"\"y\"\"\r\nz\",\n\"\"\"\",\"\"\n";
        assert_eq!(rows(quoted).unwrap(), [["a", "b"], ["x, \"y\"\r\nz", ""], ["\"", ""]]);
        assert_eq!(rows("").unwrap(), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_malformed_cell_is_named_by_its_place() {
        let at = |text: &str| rows(text).map_err(|fault| (fault.line, fault.column)).unwrap_err();
        assert_eq!(at("a,b\n1,\"2\n3\n"), (2, 3));
        assert_eq!(at("a,b\nä,\"2\"x\n"), (2, 6));
        assert_eq!(at("a,b\n\"1\n\",x\"y\"\n"), (3, 4));
    }

    proptest! {
        #[test]
        fn cells_that_are_written_are_the_cells_that_are_read(
            cells in prop::collection::vec(prop::collection::vec("[a,;\"\r\n\té]{0,4}", 2), 1..4)
        ) {
            let line = |row: &Vec<String>| {
                row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect::<Vec<_>>().join(",")
            };
            let text = format!("a,b\n{}\r\n", cells.iter().map(line).collect::<Vec<_>>().join("\n"));
            prop_assert_eq!(&rows(&text).unwrap()[1..], &cells[..]);
        }

        #[test]
        fn no_text_is_too_odd_to_be_read_or_refused(text in "[a,\"\r\né]{0,40}") {
            let _ = rows(&text);
        }
    }
}
