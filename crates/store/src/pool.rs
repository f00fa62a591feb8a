//! Connections that are kept for the next operation.
//!
//! The driver's own pool hides why a connection fails, waits out the whole deadline when a database refuses, keeps a
//! connection whose operation was given up, and tests each before use. This one is a list: a connection comes back only
//! if its operation ended well.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connect::Connector;
use crate::error::StoreError;

/// How long a connection may wait and be used unseen.
const FRESH: Duration = Duration::from_secs(1);

/// How long a connection may wait at all: firewalls forget those that are silent.
const IDLE: Duration = Duration::from_secs(300);

/// How old a connection gets, so that a new password or a new server takes over.
const LIFETIME: Duration = Duration::from_secs(1800);

/// The connections of one store.
#[derive(Debug)]
pub(crate) struct Pool {
    connector: Connector,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: AnyConnection,
    made: Instant,
    used: Instant,
}

/// A connection in use. Say [`done`](Self::done) at the end: without it, it counts as broken.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    pool: &'a Pool,
    /// Until it goes back.
    connection: Option<AnyConnection>,
    made: Instant,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Self {
        let permits = Semaphore::new(connector.max_connections());
        Self { connector, permits, idle: Mutex::default() }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A connection that was good a moment ago, or a new one.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let closed = |_| StoreError::Unavailable("it is closed".to_owned());
        let permit = self.permits.acquire().await.map_err(closed)?;
        loop {
            let next = self.idle().pop();
            let Some(Idle { mut connection, made, used }) = next else { break };
            if self.is_kept() || used.elapsed() < FRESH {
                return Ok(self.lent(connection, made, permit));
            }
            if used.elapsed() < IDLE && made.elapsed() < LIFETIME {
                match connection.ping().await {
                    Ok(()) => return Ok(self.lent(connection, made, permit)),
                    // The others are broken as well.
                    Err(_) => self.idle().clear(),
                }
            }
        }
        let connection = self.connector.connect().await?;
        Ok(self.lent(connection, Instant::now(), permit))
    }

    fn lent<'a>(&'a self, connection: AnyConnection, made: Instant, permit: SemaphorePermit<'a>) -> Lent<'a> {
        Lent { pool: self, connection: Some(connection), made, _permit: permit }
    }

    /// Whether an operation that is given up leaves its connection usable. SQLite's has a thread that ends the
    /// statement in its own time; a second one beside it would hang on the same disk.
    fn is_kept(&self) -> bool {
        matches!(self.connector, Connector::Memory | Connector::Sqlite { .. })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    /// The connection. Only the end of the loan takes it.
    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("the connection is gone".to_owned()))
    }

    /// Ends the operation: the connection is kept if it went well.
    pub(crate) fn done<T, E: Into<StoreError>>(mut self, result: Result<T, E>) -> Result<T, StoreError> {
        // The memory is the connection. That of a file is opened anew: the file may have changed its place.
        if result.is_err() && !matches!(self.pool.connector, Connector::Memory) {
            self.connection = None;
        }
        self.give_back();
        result.map_err(Into::into)
    }

    fn give_back(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.idle().push(Idle { connection, made: self.made, used: Instant::now() });
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.pool.is_kept() {
            self.give_back();
        }
    }
}
