//! When exceptions end.

use super::Ambient;
use super::metrics::ExceptionLabels;
use crate::config::Config;
use mfa_gateway_core::policy::Exception;

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
