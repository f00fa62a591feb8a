//! Hearing from other replicas: Postgres tells each that listens when a session ends or is renewed, an exception
//! changes, or tokens are revoked.
//!
//! It only wakes the poll: what changed stands in the tables, and a notification that is lost costs a second.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{AnyConnection, ConnectOptions, Executor};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connect::address;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::metrics::Observer;
use crate::settings::PostgresSettings;

/// The name that is listened to. Databases, not schemas, keep names apart: a wakeup too many does no harm.
const CHANNEL: &str = "mfa_gateway_store";

/// The statement that wakes those who listen. Postgres sends it at the commit.
const TELL: &str = "NOTIFY mfa_gateway_store";

/// How long silence is believed: a connection that a firewall forgot is silent, too.
const SILENCE: Duration = Duration::from_secs(15);

/// The first pause after a failure; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Those who wait to hear. What is said is said to all: it names no table.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) sessions: Notify,
    pub(crate) exceptions: Notify,
    pub(crate) revocations: Notify,
}

impl Heard {
    fn wake(&self) {
        self.sessions.notify_one();
        self.exceptions.notify_one();
        self.revocations.notify_one();
    }
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Ear {
    task: JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ear {
    pub(crate) fn new(
        settings: PostgresSettings,
        timeout: Duration,
        heard: Arc<Heard>,
        observer: Arc<Observer>,
    ) -> Self {
        Self { task: tokio::spawn(listen_always(settings, timeout, heard, observer)) }
    }
}

/// Tells the other replicas that there is something to read, once the transaction is committed.
pub(crate) async fn tell(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), StoreError> {
    if dialect == Dialect::Postgres {
        connection.execute(sqlx::raw_sql(TELL)).await?;
    }
    Ok(())
}

async fn listen_always(settings: PostgresSettings, timeout: Duration, heard: Arc<Heard>, observer: Arc<Observer>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(Ok(listener)) = tokio::time::timeout(timeout, connect(&settings, timeout)).await {
            pause = FIRST_PAUSE;
            // What was said in the meantime was said to nobody.
            heard.wake();
            listen(listener, timeout, &heard, &observer).await;
            tracing::debug!("the connection that listens to the store is gone");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn connect(settings: &PostgresSettings, timeout: Duration) -> Result<PgListener, StoreError> {
    let options = address(settings).await?.parse::<PgConnectOptions>()?.disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(timeout).idle_timeout(None).max_lifetime(None);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options)).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Passes on what is heard, until the connection is gone.
async fn listen(mut listener: PgListener, timeout: Duration, heard: &Heard, observer: &Observer) {
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {
                // Many at once are one.
                while listener.next_buffered().is_some() {}
                observer.metrics.woken();
                heard.wake();
            }
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => {
                let alive = tokio::time::timeout(timeout, listener.execute("SELECT 1")).await;
                if !matches!(alive, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
