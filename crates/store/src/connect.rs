//! How a connection to the database is made.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use mfa_gateway_files::PrivateDirectory;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};
use url::Url;
use zeroize::Zeroizing;

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::settings::{Kind, PostgresSettings, StoreSettings};

/// The file of the database, in its directory.
const FILE: &str = "store.sqlite3";

/// The file that a process locks while it has the database open.
const LOCK: &str = "store.lock";

/// The longest password that is read.
const LONGEST_PASSWORD: u64 = 4096;

/// Makes connections to one database.
#[derive(Debug)]
pub(crate) enum Connector {
    Memory,
    Sqlite {
        url: Url,
        /// Held as long as the database may be open.
        _lock: File,
    },
    Postgres {
        settings: PostgresSettings,
        timeout: Duration,
    },
}

impl Connector {
    /// Checks the place, and takes it: for SQLite, makes its directory and file, and locks it.
    pub(crate) async fn new(settings: &StoreSettings) -> Result<Self, StoreError> {
        match &settings.kind {
            Kind::Memory => Ok(Self::Memory),
            Kind::Sqlite { directory } => {
                let (directory, patience) = (directory.clone(), settings.timeout);
                let taken = tokio::task::spawn_blocking(move || take(&directory, patience));
                taken.await.map_err(|_| StoreError::Place("the directory's check panicked".to_owned()))?
            }
            Kind::Postgres(postgres) => {
                postgres.check().map_err(StoreError::Place)?;
                Ok(Self::Postgres { settings: postgres.clone(), timeout: settings.timeout })
            }
        }
    }

    /// The name of the kind, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Memory | Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    pub(crate) fn max_connections(&self) -> usize {
        match self {
            // SQLite has one writer at a time anyway.
            Self::Memory | Self::Sqlite { .. } => 1,
            Self::Postgres { settings, .. } => settings.max_connections,
        }
    }

    pub(crate) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Memory => open("sqlite::memory:?cache=private", "PRAGMA secure_delete = ON;").await,
            Self::Sqlite { url, .. } => open(url.as_str(), SQLITE).await,
            Self::Postgres { settings, timeout } => {
                open(address(settings).await?.as_str(), &session_settings(settings, *timeout)).await
            }
        }
    }
}

/// A commit is on the disk when it returns. Another process that reads the file, such as a backup, is waited for.
const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 1000; \
                      PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;";

/// Opens a connection, and says how it is to behave.
async fn open(url: &str, settings: &str) -> Result<AnyConnection, StoreError> {
    sqlx::any::install_default_drivers();
    // Its own log would repeat each error, and each slow statement, without saying whose it is.
    let options = url.parse::<AnyConnectOptions>()?.disable_statement_logging();
    let mut connection = AnyConnection::connect_with(&options).await?;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(settings.to_owned()))).await?;
    Ok(connection)
}

/// What each connection to Postgres sets: the server gives up when the gateway has.
fn session_settings(settings: &PostgresSettings, timeout: Duration) -> String {
    let millis = timeout.as_millis().clamp(1, 3_600_000);
    let schema = settings.schema.as_ref().map(|schema| format!("SET search_path TO {schema};")).unwrap_or_default();
    format!(
        "{schema} SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
         SET idle_in_transaction_session_timeout = {millis}; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    )
}

/// The address with the password as its file has it now.
pub(crate) async fn address(settings: &PostgresSettings) -> Result<Zeroizing<String>, StoreError> {
    let mut url = settings.url.clone();
    if !settings.is_local() && settings.mode().is_none() {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    }
    if let Some(path) = &settings.ca_file {
        url.query_pairs_mut().append_pair("sslrootcert", &path.to_string_lossy());
    }
    if !url.query_pairs().any(|(name, _)| name == "application_name") {
        url.query_pairs_mut().append_pair("application_name", "mfa-gateway");
    }
    if let Some(path) = settings.password_file.clone() {
        let read = tokio::task::spawn_blocking(move || mfa_gateway_files::read_text(&path, LONGEST_PASSWORD)).await;
        let text = match read {
            Ok(Ok(text)) => Zeroizing::new(text),
            Ok(Err(error)) => {
                return Err(StoreError::Unavailable(format!("the password file can't be read ({})", error.kind())));
            }
            Err(_) => return Err(StoreError::Unavailable("the password file can't be read".to_owned())),
        };
        // As a parameter: an address without a host takes no password in its usual place.
        url.query_pairs_mut().append_pair("password", text.trim_end_matches(['\r', '\n']));
    }
    Ok(Zeroizing::new(url.into()))
}

/// Makes the directory and the file for this user only, and locks them against another process.
fn take(path: &Path, patience: Duration) -> Result<Connector, StoreError> {
    let place = |error: &dyn std::fmt::Display| StoreError::Place(error.to_string());
    let absolute = std::path::absolute(path).map_err(|error| place(&error))?;
    let directory = PrivateDirectory::create(&absolute).map_err(|error| place(&error))?;
    // A link, or a file of somebody else, is refused here.
    directory.read(LOCK, 0).map_err(|error| place(&error))?;
    let failed = |error: io::Error| StoreError::Place(format!("{}: {error}", path.display()));
    let lock = private(&absolute.join(LOCK)).map_err(failed)?;
    let end = Instant::now() + patience;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            // The process before may be on its way out.
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Place(format!(
                    "another process uses the store in {}; give each its own directory, or let them share a Postgres \
                     database",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    let file = absolute.join(FILE);
    let owner = lock.metadata().map_err(failed)?.uid();
    make(&file, owner).map_err(failed)?;
    let mut url = Url::from_file_path(&file).map_err(|()| StoreError::Place("its path is no path".to_owned()))?;
    let text = url.as_str().replacen("file://", "sqlite://", 1);
    url = text.parse().map_err(|error| place(&error))?;
    Ok(Connector::Sqlite { url, _lock: lock })
}

/// Makes the database's file for this user only, if it isn't there. SQLite's other files get its mode.
///
/// One that is there isn't opened: closing it would release the locks of a connection in this process (fcntl).
fn make(path: &Path, owner: u32) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
        }
        Err(error) => Err(error),
        Ok(about) if !about.is_file() => Err(io::Error::other(format!("{FILE} is no regular file; remove it"))),
        Ok(about) if about.uid() != owner || about.nlink() != 1 => {
            Err(io::Error::other(format!("{FILE} belongs to another user or has a second name; remove it")))
        }
        Ok(_) => std::fs::set_permissions(path, Permissions::from_mode(0o600)),
    }
}

/// Opens a file that only this user can read, and makes it if it isn't there.
fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}
