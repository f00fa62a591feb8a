//! The exceptions of a process: the store, the settings, and what is granted now.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::Granted;
use mfa_gateway_store::Store;

use super::keeper::Keeper;
use super::metrics::ExceptionMetrics;
use super::refusal::{CLOSED, Refusal};
use super::settings::ExceptionSettings;

/// The exceptions of a store.
#[derive(Debug)]
pub(crate) struct Exceptions {
    pub(super) store: Store,
    /// Absent while the configuration has none: then nothing is granted, and nobody may ask.
    pub(super) settings: ArcSwapOption<ExceptionSettings>,
    pub(super) clock: Clock,
    pub(super) granted: Granted,
    pub(super) metrics: ExceptionMetrics,
    pub(super) keeper: tokio::sync::Mutex<Keeper>,
}

impl Exceptions {
    /// The exceptions of this store. What is granted goes into `granted`.
    pub(crate) fn new(
        store: Store,
        settings: Option<Arc<ExceptionSettings>>,
        clock: Clock,
        granted: Granted,
        metrics: ExceptionMetrics,
    ) -> Self {
        let (settings, keeper) = (ArcSwapOption::new(settings), tokio::sync::Mutex::default());
        Self { store, settings, clock, granted, metrics, keeper }
    }

    /// Takes other settings into use.
    pub(crate) fn change(&self, settings: Option<Arc<ExceptionSettings>>) {
        self.settings.store(settings);
    }

    pub(super) fn settings(&self) -> Result<Arc<ExceptionSettings>, Refusal> {
        self.settings.load_full().ok_or(Refusal::Told(&CLOSED))
    }
}
