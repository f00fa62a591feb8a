//! The store itself: opening it, and the frame of each operation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Row as _};
use tokio::sync::OnceCell;

use crate::connect::Connector;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::listen::{Ear, Heard};
use crate::metrics::{Health, Observer, StoreMetrics};
use crate::pool::{Lent, Pool};
use crate::random;
use crate::settings::{Kind, StoreSettings};

/// The length of an epoch in bytes.
const EPOCH: usize = 16;

/// How much longer than one operation the start may take: a disk that is only slow needs it.
const START: u32 = 5;

/// Sessions and their ends. Cloning is cheap; all clones are one store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    dialect: Dialect,
    timeout: Duration,
    /// Set once the tables are up to date.
    epoch: OnceCell<[u8; EPOCH]>,
    heard: Arc<Heard>,
    observer: Arc<Observer>,
    _ear: Option<Ear>,
}

impl Store {
    /// Opens the store. One on Postgres opens even if the database is down: operations fail until it is up.
    ///
    /// A directory takes one open store at a time. Keep it over a reload whose settings are the same.
    ///
    /// # Errors
    ///
    /// [`StoreError::Place`] if the settings are wrong. For SQLite also if another process has it, or its file is
    /// damaged.
    pub async fn open(settings: &StoreSettings, metrics: &StoreMetrics) -> Result<Self, StoreError> {
        let connector = Connector::new(settings).await?;
        let (dialect, heard) = (connector.dialect(), Arc::<Heard>::default());
        let observer = Observer::new(metrics.clone());
        let ear = match &settings.kind {
            Kind::Postgres(postgres) => {
                Some(Ear::new(postgres.clone(), settings.timeout, Arc::clone(&heard), Arc::clone(&observer)))
            }
            Kind::Memory | Kind::Sqlite { .. } => None,
        };
        let (pool, timeout, epoch) = (Pool::new(connector), settings.timeout, OnceCell::new());
        let store = Self { inner: Arc::new(Inner { pool, dialect, timeout, epoch, heard, observer, _ear: ear }) };
        if store.inner.dialect == Dialect::Sqlite {
            store
                .within("open", settings.timeout * START, async { store.lend().await?.done(Ok::<_, StoreError>(())) })
                .await?;
        }
        Ok(store)
    }

    /// What makes this database different from others, drawn when it was made. In memory, it is new each time.
    ///
    /// What is sealed with it opens only beside this database: with a new one, all sessions end.
    pub async fn epoch(&self) -> Result<[u8; EPOCH], StoreError> {
        // Once it is known, there is no need to ask.
        if let Some(epoch) = self.inner.epoch.get() {
            return Ok(*epoch);
        }
        self.run("epoch", async { self.lend().await?.done(Ok::<_, StoreError>(())) }).await?;
        self.inner.epoch.get().copied().ok_or_else(|| StoreError::Unavailable("it has no epoch".to_owned()))
    }

    /// How it does.
    #[must_use]
    pub fn health(&self) -> Health {
        self.inner.observer.health(self.inner.pool.connector().kind())
    }

    /// Returns when another replica has ended or renewed a session, at once if that was since the last call; never for a
    /// store that no other replica has. One task may wait.
    pub async fn woken(&self) {
        self.inner.heard.sessions.notified().await;
    }

    /// The same for exceptions: returns when another replica may have changed one. One task may wait.
    pub async fn exceptions_woken(&self) {
        self.inner.heard.exceptions.notified().await;
    }

    /// The same for revocations: returns when another replica may have revoked tokens. One task may wait.
    pub async fn revocations_woken(&self) {
        self.inner.heard.revocations.notified().await;
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    pub(crate) fn metrics(&self) -> &StoreMetrics {
        &self.inner.observer.metrics
    }

    /// Runs an operation within its deadline, and notes how it ends.
    pub(crate) async fn run<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.within(operation, self.inner.timeout, work).await
    }

    async fn within<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let result = match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::late(limit.as_secs_f32())),
        };
        self.inner.observer.note(operation, start, &result);
        result
    }

    /// A connection to a database whose tables are up to date.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let mut lent = self.inner.pool.lend().await?;
        if self.inner.epoch.initialized() {
            return Ok(lent);
        }
        let connection = lent.connection()?;
        let prepared = self.inner.epoch.get_or_try_init(|| prepare(connection, self.inner.dialect)).await.map(|_| ());
        match prepared {
            Ok(()) => Ok(lent),
            Err(error) => lent.done(Err(error)),
        }
    }
}

/// Brings the tables up to date, and returns the epoch.
async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<[u8; EPOCH], StoreError> {
    dialect.migrator().run_direct(None, connection, false).await?;
    let mut epoch = [0; EPOCH];
    random::fill(&mut epoch);
    // Of two replicas that start at once, the first draws it.
    let draw = "INSERT INTO mfa_meta (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING";
    sqlx::query(draw).bind(epoch.to_vec()).execute(&mut *connection).await?;
    let row = sqlx::query("SELECT value FROM mfa_meta WHERE name = 'epoch'").fetch_one(connection).await?;
    let epoch = row.try_get::<Vec<u8>, _>(0)?;
    epoch.try_into().map_err(|_| StoreError::Corrupt("its epoch has another length".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Ended, NewSession};
    use crate::{By, Cursor, Filter, Flush, Page, Retention, Wanted, Which};

    const LIMIT: Duration = Duration::from_millis(1500);

    async fn in_folder(folder: &tempfile::TempDir) -> Store {
        let kind = Kind::Sqlite { directory: folder.path().to_owned() };
        Store::open(&StoreSettings { kind, timeout: LIMIT }, &StoreMetrics::default()).await.unwrap()
    }

    fn session(id: &str, size: usize) -> NewSession {
        NewSession { id: id.to_owned(), secret: vec![7; size], expires: i64::MAX, ..NewSession::default() }
    }

    fn end() -> Ended {
        Ended { why: "sign_out".to_owned(), at: 5 }
    }

    /// What a task of the gateway awaits must be able to move between threads.
    #[test]
    fn every_operation_can_be_awaited_anywhere() {
        fn check<T: Send>(_: T) {}
        fn all(store: &Store, cursor: &mut Cursor) {
            check(store.changes(cursor));
            check(store.list(&Filter::default(), &Page::default()));
            check(store.begin(&NewSession::default(), None));
            check(store.end(Which::All, &end()));
            check((store.session(""), store.epoch(), store.woken(), store.seen(&[]), store.purge(1)));
            check(store.flush(&Flush {
                replica: "",
                sequence: 0,
                tallies: &[],
                users: &[],
                customers: &[],
                recent: &[],
            }));
            let wanted = Wanted::default();
            check((store.tallies(0, 1), store.without_mfa(&wanted, 1), store.recent(&wanted, 1)));
            check((store.customers(&wanted), store.sums(&wanted, By::Rest), store.user_days(&wanted)));
            check((store.register(0), store.exception(""), store.evidence("", 1), store.exceptions_woken()));
            check((store.forget(&Retention::default()), store.erase("", "", "")));
        }
        let _ = all;
    }

    #[tokio::test]
    async fn a_full_sqlite_file_is_told_as_such_and_room_helps() {
        let folder = tempfile::tempdir().unwrap();
        let store = in_folder(&folder).await;
        store.begin(&session("a", 1), None).await.unwrap();
        // Its own quota fails as a full disk does, with SQLITE_FULL.
        let quota = async |pages: &'static str| {
            let mut lent = store.lend().await.unwrap();
            let set = sqlx::query(pages).fetch_all(lent.connection().unwrap()).await;
            lent.done(set).unwrap();
        };
        quota("PRAGMA max_page_count = 1").await;
        let error = store.begin(&session("b", 1_000_000), Some(("a", &end()))).await.unwrap_err();
        assert_eq!(error.kind(), "full");
        assert_eq!(store.health().last_error, Some(error));
        assert_eq!(store.session("a").await.unwrap().unwrap().ended, None, "both or neither");
        store.end(Which::Id("a"), &end()).await.unwrap();
        store.begin(&session("b", 1_000_000), None).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_another_process_locks_is_waited_for_and_then_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = in_folder(&folder).await;
        let url = format!("sqlite://{}/store.sqlite3", folder.path().display());
        let mut other = <AnyConnection as sqlx::Connection>::connect(&url).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let start = Instant::now();
        let error = store.begin(&session("a", 1), None).await.unwrap_err();
        assert_eq!(error.to_string(), "the store is unavailable: another process has locked the file");
        assert!(start.elapsed() < LIMIT);
        assert_eq!(store.session("a").await.unwrap(), None, "it can be read");
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        store.begin(&session("a", 1), None).await.unwrap();
    }

    #[tokio::test]
    async fn an_operation_that_is_given_up_leaves_the_store_usable_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let memory = StoreSettings { kind: Kind::Memory, timeout: LIMIT };
        let memory = Store::open(&memory, &StoreMetrics::default()).await.unwrap();
        for store in [in_folder(&folder).await, memory] {
            store.begin(&session("first", 1), None).await.unwrap();
            for number in 1..200_u64 {
                let (id, before) = (format!("{number}"), format!("{}", number - 1));
                let patience = Duration::from_micros(10 * number);
                let end = end();
                let new = session(&id, 1000);
                let begin = store.begin(&new, Some((&before, &end)));
                let _ = tokio::time::timeout(patience, begin).await;
            }
            let all = store.list(&Filter::default(), &Page { after: None, most: 1000 }).await.unwrap();
            for found in &all {
                let next = found.begun.id.parse::<u64>().map(|number| (number + 1).to_string());
                let replaced = next.is_ok_and(|next| all.iter().any(|other| other.begun.id == next));
                assert_eq!(found.ended.is_some(), replaced, "{}", found.begun.id);
            }
            store.begin(&session("last", 1), None).await.unwrap();
        }
    }
}
