//! What all layers of a service share.

use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Dialect, Waivers};
use mfa_gateway_core::random::Random;
use mfa_gateway_keys::KeySource;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::authenticator::Authenticator;
use super::refusal::Refusals;

/// What all layers of a service share. The tasks end with the last of them.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) authenticator: Authenticator,
    pub(super) waivers: Waivers,
    pub(super) refusals: Refusals,
    pub(super) dialect: Dialect,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) tasks: Tasks,
}

/// The tasks that refresh keys.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    stop: CancellationToken,
    running: TaskTracker,
}

impl Tasks {
    /// Keeps the keys of a source fresh.
    pub(super) fn run(&self, source: &Arc<KeySource>, runtime: &Handle) {
        self.running.spawn_on(Arc::clone(source).run(self.stop.clone()), runtime);
    }

    /// Ends them, and waits until they have ended.
    pub(super) async fn shutdown(&self) {
        self.stop.cancel();
        self.running.close();
        self.running.wait().await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
