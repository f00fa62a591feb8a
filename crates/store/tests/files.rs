//! SQLite's files: who may read them, and who may open them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use mfa_gateway_store::{Kind, Store, StoreError, StoreMetrics, StoreSettings, Which};

use crate::places::{DEADLINE, SHORT, because, open, session, sqlite_settings};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn problem(directory: &Path) -> String {
    match Store::open(&sqlite_settings(directory, SHORT), &StoreMetrics::default()).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it opens"),
    }
}

#[tokio::test]
async fn the_files_are_for_this_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("with space?#%20/state");
    let store = open(&sqlite_settings(&directory, DEADLINE)).await;
    store.begin(&session("a", 1), None).await.unwrap();
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn what_ended_stays_ended_in_the_next_process_and_the_epoch_stays() {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite_settings(folder.path(), DEADLINE);
    let store = open(&settings).await;
    store.begin(&session("a", 1), None).await.unwrap();
    store.end(Which::Id("a"), &because("sign_out", 5)).await.unwrap();
    let epoch = store.epoch().await.unwrap();
    drop(store);
    let store = open(&settings).await;
    assert_eq!(store.session("a").await.unwrap().unwrap().ended, Some(because("sign_out", 5)));
    assert_eq!(store.epoch().await.unwrap(), epoch);
    let memory = StoreSettings { kind: Kind::Memory, timeout: DEADLINE };
    assert_ne!(open(&memory).await.epoch().await.unwrap(), open(&memory).await.epoch().await.unwrap());
}

#[tokio::test]
async fn a_second_store_in_one_directory_is_refused_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&sqlite_settings(folder.path(), DEADLINE)).await;
    let start = Instant::now();
    let problem = problem(folder.path()).await;
    assert!(problem.contains("another process uses the store in") && problem.contains("Postgres"), "{problem}");
    assert!(start.elapsed() >= SHORT, "the process before may be on its way out");
    store.begin(&session("a", 1), None).await.unwrap();
    // One that leaves in time is waited for.
    let settings = sqlite_settings(folder.path(), DEADLINE);
    let next = tokio::spawn(async move { open(&settings).await.session("a").await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    drop(store);
    assert!(next.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.sqlite3");
    fs::write(&file, "this is no database, and longer than a header of one hundred bytes. ".repeat(50)).unwrap();
    let error = Store::open(&sqlite_settings(folder.path(), SHORT), &StoreMetrics::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    assert_eq!(mode(&file), 0o600, "what was open to others is closed");
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    assert!(problem(folder.path()).await.contains("no regular file"));
    fs::remove_file(&file).unwrap();
    fs::write(folder.path().join("second"), "").unwrap();
    fs::hard_link(folder.path().join("second"), &file).unwrap();
    assert!(problem(folder.path()).await.contains("a second name"));
    fs::remove_file(&file).unwrap();
    let lock = folder.path().join("store.lock");
    fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &lock).unwrap();
    assert!(problem(folder.path()).await.contains("a link"));
    fs::remove_file(&lock).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(problem(folder.path()).await.contains("can be written by other users"));
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_is_open_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&sqlite_settings(folder.path(), SHORT)).await;
    for number in 0..50 {
        store.begin(&session(&number.to_string(), 1), None).await.unwrap();
    }
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
        if !path.ends_with("store.lock") {
            fs::write(&path, vec![0x5a; length]).unwrap();
        }
    }
    let start = Instant::now();
    for number in 0..10 {
        // Pages in memory may still serve; what is read from the file must not.
        let _ = store.begin(&session(&format!("later {number}"), 1), None).await;
        let _ = store.session("7").await;
    }
    assert!(store.health().last_error.is_some());
    assert!(start.elapsed() < 20 * SHORT);
}
