//! The keepers of consents, and the task that looks after them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use mfa_gateway_keys::{Fetching, KeySource};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use super::sessions::client_verifier;
use crate::config::Config;
use crate::consent::{ConsentSettings, EVERY, Keeper};
use crate::gateway::Live;
use crate::oidc::Client;

/// How long after the start consents are first looked after: keys and the store come first.
const FIRST: Duration = Duration::from_secs(30);

/// The keepers of a configuration; none for commands, which serve nobody. One with the same settings goes on.
///
/// # Errors
///
/// If the system's certificate roots can't be read.
pub(super) fn keepers(
    config: &Config,
    ambient: &Ambient,
    sources: &[Arc<KeySource>],
    before: &[Arc<Keeper>],
) -> anyhow::Result<Vec<Arc<Keeper>>> {
    let (Some(store), Some(keys)) = (&ambient.store, &config.consent_keys) else { return Ok(Vec::new()) };
    let fetching = Fetching::new(ambient.fetching.clone());
    for gone in before.iter().filter(|kept| config.consents.iter().all(|one| one.name != kept.settings().name)) {
        ambient.metrics.consents.forget(&gone.settings().name);
    }
    let keeper = |settings: &ConsentSettings| {
        if let Some(kept) = before.iter().find(|kept| kept.goes_on(settings, keys)) {
            return Ok(Arc::clone(kept));
        }
        let issuer = &config.issuers[settings.issuer];
        let verifier = client_verifier(issuer, &settings.client.client_id, &issuer.profile, sources, ambient);
        let client = Client::new(settings.client.clone(), ambient.clock.clone(), &fetching)
            .with_context(|| format!("the client of consent {} can't be made", settings.name))?;
        let time_and_name = (ambient.clock.clone(), ambient.replica.clone());
        let metrics = ambient.metrics.consents.clone();
        let keeper =
            Keeper::new(settings.clone(), (client, verifier), (store.clone(), keys.clone()), time_and_name, metrics);
        Ok(Arc::new(keeper))
    };
    config.consents.iter().map(keeper).collect()
}

/// Looks after the consents each day.
pub(super) fn run(live: &Arc<ArcSwap<Live>>, stop: CancellationToken) {
    let live = Arc::clone(live);
    tokio::spawn(async move {
        for keeper in &live.load().keepers.clone() {
            // A store that can't be reached has its own metric.
            let _ = keeper.kept().await;
        }
        let mut pause = FIRST;
        while tokio::select! { () = stop.cancelled() => false, () = sleep(pause) => true } {
            pause = EVERY / 24;
            let keepers = live.load().keepers.clone();
            for keeper in &keepers {
                keeper.look_after().await;
            }
        }
    });
}
