//! How the store fails, by kind, in words that hold no address, password or row.

use std::borrow::Cow;

use sqlx::migrate::MigrateError;

/// Why an operation of the store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, doesn't respond in time, or refuses this client. Whether a change was made is
    /// unknown; every operation can be repeated.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// There is no room for more.
    #[error("the store is full: {0}")]
    Full(String),
    /// There is a session of this id.
    #[error("the store has a session of this id already")]
    Conflict,
    /// What is there is damaged, or isn't the gateway's.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A value that no database takes.
    #[error("{0} is too long for the store, or holds a NUL character")]
    Invalid(&'static str),
    /// The settings are wrong, or the place is not one for a store. Only at the start.
    #[error("the store can't be opened: {0}")]
    Place(String),
}

impl StoreError {
    /// The name of its kind, for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Full(_) => "full",
            Self::Conflict => "conflict",
            Self::Corrupt(_) => "corrupt",
            Self::Invalid(_) => "invalid",
            Self::Place(_) => "place",
        }
    }

    /// Whether the store itself is in trouble, rather than what it was asked.
    #[must_use]
    pub(crate) fn is_trouble(&self) -> bool {
        !matches!(self, Self::Conflict | Self::Invalid(_))
    }

    pub(crate) fn late(seconds: f32) -> Self {
        Self::Unavailable(format!("it didn't respond within {seconds} seconds"))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(error.code(), error.message()),
            // Of the system's message only its kind: others may name a file or an address.
            sqlx::Error::Io(error) => Self::Unavailable(format!("the connection failed ({})", error.kind())),
            sqlx::Error::Tls(error) => Self::Unavailable(format!("TLS failed ({error})")),
            sqlx::Error::Configuration(_) => {
                Self::Unavailable("the address, its sslmode or the certificate file is wrong".to_owned())
            }
            sqlx::Error::WorkerCrashed => Self::Unavailable("the database's thread is gone".to_owned()),
            sqlx::Error::ColumnDecode { index, .. } => Self::Corrupt(format!("the column {index} has another type")),
            sqlx::Error::ColumnNotFound(name) => Self::Corrupt(format!("there is no column {name}")),
            sqlx::Error::Protocol(_) => Self::Unavailable("the database's responses make no sense".to_owned()),
            sqlx::Error::Migrate(error) => (*error).into(),
            _ => Self::Unavailable("the driver failed".to_owned()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::Dirty(version) | MigrateError::VersionMismatch(version) => {
                Self::Corrupt(format!("the change {version} of its tables was not made as this version makes it"))
            }
            _ => Self::Corrupt("its tables can't be brought up to date".to_owned()),
        }
    }
}

/// The kind of a database's own error: a SQLSTATE of Postgres (Appendix A of its manual) or a result code of SQLite.
fn of_database(code: Option<Cow<'_, str>>, message: &str) -> StoreError {
    let code = code.unwrap_or_default().into_owned();
    if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return of_postgres(&code);
    }
    // An extended code holds the primary one in its low byte.
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(13) => StoreError::Full("the disk or the quota of SQLite is full".to_owned()),
        Ok(11 | 26) => StoreError::Corrupt("the file is damaged, or no SQLite database".to_owned()),
        Ok(8) => StoreError::Unavailable("the file can't be written".to_owned()),
        Ok(5 | 6) => StoreError::Unavailable("another process has locked the file".to_owned()),
        Ok(10) => StoreError::Unavailable(format!("the disk failed (SQLite code {code})")),
        Ok(14) => StoreError::Unavailable("the file can't be opened".to_owned()),
        // SQL that names what isn't there.
        Ok(1) if message.starts_with("no such ") => StoreError::Corrupt("a table or column is missing".to_owned()),
        _ => StoreError::Unavailable(format!("SQLite failed (code {code})")),
    }
}

fn of_postgres(code: &str) -> StoreError {
    let (class, rest) = code.split_at(2);
    let why = match (class, rest) {
        ("53", "100") => return StoreError::Full("the database's disk is full (SQLSTATE 53100)".to_owned()),
        ("53", "200") => return StoreError::Full("the database is out of memory (SQLSTATE 53200)".to_owned()),
        ("54", _) => return StoreError::Full(format!("a limit of the database is reached (SQLSTATE {code})")),
        ("42", "P01" | "703") => {
            return StoreError::Corrupt(format!("a table or column is missing (SQLSTATE {code})"));
        }
        ("XX", "001" | "002") => return StoreError::Corrupt(format!("the database is damaged (SQLSTATE {code})")),
        ("28", _) => "it refuses the user or the password",
        ("3D", _) => "there is no database of this name",
        ("3F", _) => "there is no schema of this name; create it",
        ("42", "501") => "the user lacks a right; grant it CREATE on the schema, and its tables",
        ("25", "006") => "it is read-only",
        ("53", "300") => "it has too many connections",
        ("55", "P03") => "a lock was not released in time",
        ("57", "014") => "a statement took too long",
        ("57", _) => "it is starting or stopping",
        _ => "it failed",
    };
    StoreError::Unavailable(format!("{why} (SQLSTATE {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_databases_codes_have_their_kinds() {
        let kind = |code: &'static str| of_database(Some(code.into()), "no such table: x").kind();
        for (code, expected) in [
            ("53100", "full"),
            ("57P01", "unavailable"),
            ("28P01", "unavailable"),
            ("42P01", "corrupt"),
            ("XX001", "corrupt"),
            ("XX000", "unavailable"),
            ("13", "full"),
            ("11", "corrupt"),
            ("26", "corrupt"),
            ("267", "corrupt"),
            ("1", "corrupt"),
            ("5", "unavailable"),
            ("1032", "unavailable"),
            ("", "unavailable"),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
        assert_eq!(of_database(Some("1".into()), "a secret").kind(), "unavailable");
    }

    #[test]
    fn an_error_tells_nothing_that_the_driver_may_have_put_into_it() {
        let secret = || std::io::Error::other("hunter2");
        for error in [
            sqlx::Error::Io(secret()),
            sqlx::Error::Configuration(Box::new(secret())),
            sqlx::Error::Protocol("hunter2".to_owned()),
            sqlx::Error::AnyDriverError(Box::new(secret())),
        ] {
            let error = StoreError::from(error);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        assert!(!of_database(Some("99".into()), "hunter2").to_string().contains("hunter2"));
    }
}
