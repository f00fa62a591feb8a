//! Rows of statements that are put together: parameters, texts of any length, and many rows in one statement.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::AnyConnection;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;

use crate::dialect::Dialect;
use crate::error::StoreError;

/// The longest text of a report's row in bytes. Postgres indexes up to 2704 bytes a row, and the longest key has seven.
const LONGEST: usize = 320;

/// How much of a text stays that is longer, before its hash.
const KEPT: usize = 290;

/// What stands between the parts of a row, and between rows, where many are read as one text. No text holds them.
pub(crate) const PART: char = '\u{1f}';
pub(crate) const ROW: char = '\u{1e}';

/// What no text holds.
const FORBIDDEN: [char; 3] = ['\0', PART, ROW];

/// How many rows one statement writes. With 15 columns it has 7,500 parameters; SQLite takes 32,766.
const AT_ONCE: usize = 500;

/// A parameter of a statement that is put together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(i64),
}

impl Value<'_> {
    /// A text that the databases take, which stands for the one given.
    pub(crate) fn shortened(text: &str) -> Value<'_> {
        Value::Text(shortened(text))
    }

    pub(crate) fn bind<'q>(&'q self, query: Query<'q, Any, AnyArguments>) -> Query<'q, Any, AnyArguments> {
        match self {
            Self::Text(text) => query.bind(&**text),
            Self::Number(number) => query.bind(*number),
        }
    }
}

/// The text, if a report's row takes it; otherwise its beginning with a hash of the whole.
///
/// A report must not lose a count because of a long name, nor take two names for one. The same text gives the same row on
/// every replica.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.contains(FORBIDDEN) {
        return Cow::Borrowed(text);
    }
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()));
    let (kept, _) = text.split_at(text.floor_char_boundary(KEPT));
    Cow::Owned(format!("{}…{hash:.22}", kept.replace(FORBIDDEN, " ")))
}

/// Rows of one table by their keys, and in their order: two replicas that write the same rows don't wait for each other.
pub(crate) type Rows<'a> = BTreeMap<Vec<Value<'a>>, Vec<Value<'a>>>;

/// A statement that writes rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upsert {
    /// The table with its columns: those of the key, then the others.
    pub(crate) into: &'static str,
    /// What happens to a row that is there.
    pub(crate) conflict: &'static str,
}

impl Upsert {
    /// Writes the rows, a part with each statement.
    pub(crate) async fn write(
        self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        rows: &Rows<'_>,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = rows.iter().collect();
        for part in rows.chunks(AT_ONCE) {
            let columns = part.first().map_or(0, |(key, rest)| key.len() + rest.len());
            let mut query = sqlx::query(dialect.built(&self.text(dialect, part.len(), columns))).persistent(false);
            for value in part.iter().flat_map(|(key, rest)| key.iter().chain(*rest)) {
                query = value.bind(query);
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }

    fn text(self, dialect: Dialect, rows: usize, columns: usize) -> String {
        let Self { into, conflict } = self;
        let row = |row: usize| {
            let parameters = (1..=columns).map(|column| match dialect {
                // `$1` is a name for SQLite, which looks each up among all before it.
                Dialect::Sqlite => "?".to_owned(),
                Dialect::Postgres => format!("${}", row * columns + column),
            });
            format!("({})", parameters.collect::<Vec<_>>().join(", "))
        };
        let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {into} VALUES {rows} ON CONFLICT {conflict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_that_fits_stays_and_others_stay_apart() {
        assert_eq!(shortened("Jane"), "Jane");
        assert_eq!(shortened(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
        let (one, two) = ("x".repeat(5000), "x".repeat(5001));
        assert_ne!(shortened(&one), shortened(&two));
        assert_eq!(shortened(&one), shortened(&one.clone()));
        assert!(shortened(&one).starts_with(&"x".repeat(KEPT)));
        assert_ne!(shortened("a\0b"), shortened("a b"));
        for forbidden in FORBIDDEN {
            assert!(shortened(&format!("a{forbidden}b")).starts_with("a b…"));
        }
    }

    #[test]
    fn a_statement_numbers_its_parameters_row_by_row() {
        let upsert = Upsert { into: "t (a, b)", conflict: "(a) DO NOTHING" };
        let text = "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO NOTHING";
        assert_eq!(upsert.text(Dialect::Postgres, 2, 2), text);
        let text = "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING";
        assert_eq!(upsert.text(Dialect::Sqlite, 2, 2), text);
    }

    proptest! {
        #[test]
        fn every_text_becomes_one_that_the_databases_take(text in "(?s).{0,700}", forbidden in 0..4_usize) {
            let text = text + &FORBIDDEN.get(forbidden).map(char::to_string).unwrap_or_default();
            let short = shortened(&text);
            prop_assert!(short.len() <= LONGEST && !short.contains(FORBIDDEN));
        }
    }
}
