//! Exceptions: when those of the configuration end, and those that people ask for.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Ambient;
use super::metrics::ExceptionLabels;
use crate::config::Config;
use crate::exceptions::{Exceptions, keep};
use mfa_gateway_core::policy::Exception;

/// The exceptions that people ask for, if they may.
pub(super) fn open(config: &Config, ambient: &Ambient) -> Option<Arc<Exceptions>> {
    let (Some(settings), Some(store)) = (&config.exception_requests, &ambient.store) else { return None };
    let settings = Some(Arc::new(settings.clone()));
    let (clock, granted) = (ambient.clock.clone(), ambient.granted.clone());
    let metrics = ambient.metrics.exception_requests.clone();
    Some(Arc::new(Exceptions::new(store.clone(), settings, clock, granted, metrics)))
}

/// Reads what is granted, and keeps it alike with the store from then on.
pub(super) async fn run(exceptions: Option<&Arc<Exceptions>>, stop: CancellationToken) {
    if let Some(exceptions) = exceptions {
        keep(exceptions, stop).await;
    }
}

/// Takes another configuration's settings into use.
pub(super) fn change(config: &Config, ambient: &Ambient) {
    if let Some(exceptions) = &ambient.exceptions {
        exceptions.change(config.exception_requests.clone().map(Arc::new));
    }
}

/// Notes in the metrics when each exception ends. The configuration's own warnings tell of them at the start and at a
/// reload.
pub(super) fn note(config: &Config, ambient: &Ambient) {
    let ends = config.waivers.exceptions.iter();
    let ends = ends.map(|one| (ExceptionLabels { exception: one.id.clone() }, one.expires));
    ambient.metrics.exceptions.end(ends);
}

/// Warns of those that have ended, or soon will.
pub(super) fn tell(config: &Config, ambient: &Ambient) {
    let now = ambient.clock.now();
    for Exception { id, owner, expires, .. } in config.waivers.exceptions.iter() {
        if *expires <= now {
            tracing::warn!(exception = id, owner, %expires, "an exception has ended, and waives nothing any more");
        } else if expires.minus(Exception::SOON) <= now {
            tracing::warn!(exception = id, owner, %expires, "an exception ends soon");
        }
    }
}
