//! The task that works for vendors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mfa_gateway_core::chain;
use mfa_gateway_keys::{ApiClient, Fetching};
use mfa_gateway_store::Store;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use crate::gateway::Live;
use crate::vendors::Runner;

/// The time between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);

/// The time between two counts for the metrics.
const COUNT: Duration = Duration::from_secs(15);

/// How long a request to a partner API may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Does what operators ask for the customers of vendors' partners.
pub(super) fn run(live: &Arc<ArcSwap<Live>>, ambient: &Ambient, store: Store, stop: CancellationToken) {
    let (live, ambient) = (Arc::clone(live), ambient.clone());
    let mut known = Arc::clone(&live.load().vendors);
    ambient.metrics.vendors.begin(&known);
    tokio::spawn(async move {
        let (mut runner, mut counted) = (None, None::<Instant>);
        while tokio::select! { () = stop.cancelled() => false, () = sleep(LOOK) => true } {
            let (vendors, keepers) = {
                let live = live.load();
                (Arc::clone(&live.vendors), live.keepers.clone())
            };
            if !Arc::ptr_eq(&vendors, &known) {
                ambient.metrics.vendors.begin(&vendors);
                (known, counted) = (Arc::clone(&vendors), None);
            }
            if vendors.is_empty() {
                continue;
            }
            if runner.is_none() {
                // The system's certificate roots are read for it.
                match ApiClient::new(TIMEOUT, &Fetching::new(ambient.fetching.clone())) {
                    Ok(client) => {
                        let (metrics, replica) = (ambient.metrics.vendors.clone(), ambient.replica.clone());
                        runner = Some(Arc::new(Runner { store: store.clone(), client, metrics, replica }));
                    }
                    Err(error) => tracing::warn!(error = chain(&error), "partner APIs can't be called"),
                }
            }
            let Some(runner) = &runner else { continue };
            let mut turns = JoinSet::new();
            for vendor in vendors.iter() {
                let (runner, vendor) = (Arc::clone(runner), Arc::clone(vendor));
                let (keepers, stop) = (keepers.clone(), stop.clone());
                turns.spawn(async move { runner.turn(&vendor, &keepers, &stop).await });
            }
            while turns.join_next().await.is_some() {}
            if counted.is_none_or(|at| at.elapsed() >= COUNT) {
                for vendor in vendors.iter() {
                    runner.observe(vendor).await;
                }
                counted = Some(Instant::now());
            }
        }
    });
}
