//! The counts for the status report.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use crate::config::Config;
use crate::report::{Counter, Flusher, Reader};

/// What reads the report, if the configuration has one. Its settings stay until a restart, but for the lists of accounts.
pub(super) fn open(config: &Config, ambient: &Ambient) -> Option<Reader> {
    let (settings, store) = (config.report.clone()?, ambient.store.clone()?);
    let (clock, metrics) = (ambient.clock.clone(), ambient.metrics.report.clone());
    let reader = Reader::new(Arc::new(Flusher::new(store, settings, clock, &ambient.random, metrics)));
    reader.accounts().set(config.account_files.clone());
    Some(reader)
}

/// Flushes counts until it is stopped.
pub(super) fn run(report: Option<&Reader>, stop: CancellationToken) {
    if let Some(report) = report {
        tokio::spawn(Arc::clone(report.flusher()).run(stop));
    }
}

/// What counts the decisions of a configuration, if it has a report.
pub(super) fn counter(config: &Config, ambient: &Ambient) -> Option<Arc<Counter>> {
    let report = ambient.report.as_ref().filter(|_| config.report.is_some())?;
    Some(Arc::clone(report.flusher().counter()))
}
