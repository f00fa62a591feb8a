//! The gateway as a process, for minutes: every kind of load, trouble on all sides, and its memory watched.
//!
//! `cargo test --release --test main soak -- --ignored --nocapture` runs it, for `SOAK_SECONDS`, or five minutes.

mod faults;
mod load;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::support::Process;
use world::{Figures, Surroundings};

/// How long it runs, in seconds: `SOAK_SECONDS`.
fn duration() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok().map_or(300, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// What a process may hold more at the end than when it was warm, in KiB.
const GROWTH: u64 = 48 << 10;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn soak() {
    let (start, duration) = (Instant::now(), duration());
    let surroundings = Arc::new(Surroundings::start().await);
    let process = Arc::new(Process::start(&surroundings.config(false)).await);
    let figures = Arc::new(Figures::default());
    let end = start + duration;
    let mut tasks = load::start(&process, &surroundings, &figures, end);
    tasks.spawn(faults::rage(Arc::clone(&process), Arc::clone(&surroundings), Arc::clone(&figures), end));
    tokio::time::sleep(duration / 5).await;
    let warm = (process.memory(), process.descriptors());
    let (mut most, mut files) = warm;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (most, files) = (most.max(process.memory()), files.max(process.descriptors()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    // What was left hanging has its deadlines.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let last = (process.memory(), process.descriptors());
    println!("duration        {:?}", start.elapsed());
    print!("{figures}");
    println!("memory, KiB     {} warm, {most} at most, {} at the end", warm.0, last.0);
    println!("descriptors     {} warm, {files} at most, {} at the end", warm.1, last.1);
    let panics = process.metric("mfa_gateway_panics_total").await;
    let wrong = figures.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong, among them:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(panics < 0.5 && !process.log().contains("panicked"), "it panicked");
    assert!(figures.requests.load(Ordering::Relaxed) > 100, "there was no load");
    assert!(last.0 < warm.0 + GROWTH && most < warm.0 + 3 * GROWTH, "memory grew");
    assert!(last.1 < 60, "{} descriptors are open", last.1);
}
