//! A store in each place, and sessions to put into it.

use std::path::Path;
use std::time::Duration;

use mfa_gateway_store::{Ended, Kind, NewSession, PostgresSettings, Store, StoreMetrics, StoreSettings};
use tempfile::TempDir;

use crate::postgres::Postgres;

/// Makes a test of a function for each store.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod memory { $(#[tokio::test] async fn $name() {
            super::$name(&crate::places::Place::Memory.open().await).await;
        })* }
        mod sqlite { $(#[tokio::test] async fn $name() {
            let place = crate::places::Place::Sqlite(tempfile::tempdir().unwrap());
            super::$name(&place.open().await).await;
        })* }
        mod postgres { $(#[tokio::test] async fn $name() {
            let Some(postgres) = crate::postgres::Postgres::start() else { return };
            let place = crate::places::Place::Postgres(postgres);
            super::$name(&place.open().await).await;
        })* }
    };
}

/// The deadline in these tests: generous where nothing is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A deadline for what is broken.
pub(crate) const SHORT: Duration = Duration::from_millis(1500);

/// Where a store is, as long as this lives.
pub(crate) enum Place {
    Memory,
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Place {
    pub(crate) fn settings(&self, timeout: Duration) -> StoreSettings {
        let kind = match self {
            Self::Memory => Kind::Memory,
            Self::Sqlite(folder) => Kind::Sqlite { directory: folder.path().to_owned() },
            Self::Postgres(postgres) => Kind::Postgres(postgres_settings(postgres)),
        };
        StoreSettings { kind, timeout }
    }

    pub(crate) async fn open(&self) -> Store {
        open(&self.settings(DEADLINE)).await
    }
}

pub(crate) async fn open(settings: &StoreSettings) -> Store {
    Store::open(settings, &StoreMetrics::default()).await.unwrap()
}

pub(crate) fn postgres_settings(postgres: &Postgres) -> PostgresSettings {
    PostgresSettings {
        url: postgres.url().parse().unwrap(),
        password_file: Some(postgres.password_file()),
        ca_file: None,
        max_connections: 4,
        schema: None,
    }
}

pub(crate) fn sqlite_settings(directory: &Path, timeout: Duration) -> StoreSettings {
    StoreSettings { kind: Kind::Sqlite { directory: directory.to_owned() }, timeout }
}

/// A time that no clock of these tests reaches.
pub(crate) const LATE: i64 = 9_000_000_000;

/// A session of Jane's that began at `created`.
pub(crate) fn session(id: &str, created: i64) -> NewSession {
    NewSession {
        id: id.to_owned(),
        sign_in: "entra".to_owned(),
        issuer: "https://issuer.example".to_owned(),
        subject: "jane".to_owned(),
        tenant: "contoso".to_owned(),
        user: "jane-oid".to_owned(),
        display: "Jane Doe".to_owned(),
        sid: format!("sid of {id}"),
        created,
        expires: LATE,
        mfa: true,
        secret: vec![0, 1, 255],
        evidence: b"evidence".to_vec(),
        generation: 0,
    }
}

pub(crate) fn because(why: &str, at: i64) -> Ended {
    Ended { why: why.to_owned(), at }
}
