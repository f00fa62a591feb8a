//! What the tests stand on: a gateway on port 0 with its surroundings, clients, signers and the policy's cases.
//!
//! Sockets are real and on loopback; only time and chance are injected. Every wait has an end.

pub(crate) mod admin_paths;
pub(crate) mod client;
pub(crate) mod envoy_answer;
pub(crate) mod envoy_question;
pub(crate) mod frame_upstream;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod h2;
pub(crate) mod key_server;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod recorder;
pub(crate) mod rule;
pub(crate) mod scripted;
pub(crate) mod signer;
pub(crate) mod wire;

pub(crate) use client::{Answer, Call, Http1, Http2};
pub(crate) use gateway::{CONFIG, Gateway, World};
pub(crate) use process::Process;
pub(crate) use recorder::Recorder;
pub(crate) use scripted::{Scripted, Step};
pub(crate) use signer::Signer;
pub(crate) use wire::Wire;

use std::time::Duration;

/// The longest that anything may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits for something, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(tokio::time::error::Elapsed { .. }) => panic!("waited {LIMIT:?} for {what}"),
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Moves the runtime's timers forward: what waits for them goes on at once.
///
/// It needs the single-threaded runtime that `#[tokio::test]` makes.
pub(crate) async fn skip(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}
