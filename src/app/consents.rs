//! The keepers of consents, and the task that looks after them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use mfa_gateway_keys::{Fetching, KeySource};
use mfa_gateway_store::{ConsentsSeen, Store};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use super::sessions::client_verifier;
use crate::config::Config;
use crate::consent::{ConsentSettings, EVERY, Keeper, Keepers};
use crate::gateway::Live;
use crate::oidc::Client;

/// The time between two looks at what other replicas have done.
const FOLLOW: Duration = Duration::from_secs(2);

/// The time between two looks at all consents.
const ALL: Duration = Duration::from_secs(600);

/// How long after the start consents are first looked after: keys and the store come first.
const FIRST: Duration = Duration::from_secs(30);

/// How long the end of the process waits for uses under way.
const LAST: Duration = Duration::from_secs(10);

/// The keepers of a configuration; none for commands, which serve nobody. One with the same settings goes on.
///
/// # Errors
///
/// If the system's certificate roots can't be read.
pub(super) fn keepers(
    config: &Config,
    ambient: &Ambient,
    sources: &[Arc<KeySource>],
    before: &Keepers,
) -> anyhow::Result<Arc<Keepers>> {
    let (Some(store), Some(keys)) = (&ambient.store, &config.consent_keys) else { return Ok(Arc::default()) };
    let fetching = Fetching::new(ambient.fetching.clone());
    let named: HashSet<&str> = config.consents.iter().map(|one| one.name.as_str()).collect();
    for gone in before.iter().filter(|kept| !named.contains(kept.settings().name.as_str())) {
        ambient.metrics.consents.forget(&gone.settings().name);
    }
    let keeper = |settings: &ConsentSettings| {
        let issuer = &config.issuers[settings.issuer];
        let verifier = client_verifier(issuer, &settings.client.client_id, &issuer.profile, sources, ambient);
        let earlier = before.named(&settings.name);
        if let Some(kept) = earlier.filter(|kept| kept.goes_on(settings, keys, &verifier)) {
            return Ok(Arc::clone(kept));
        }
        let client = Client::new(settings.client.clone(), ambient.clock.clone(), &fetching)
            .with_context(|| format!("the client of consent {} can't be made", settings.name))?;
        let time_and_name = (ambient.clock.clone(), ambient.replica.clone());
        let metrics = (ambient.metrics.consents.clone(), &ambient.token_memory);
        let keeper =
            Keeper::new(settings.clone(), (client, verifier), (store.clone(), keys.clone()), time_and_name, metrics);
        // All of one name share the row in the store.
        Ok(Arc::new(match earlier {
            Some(earlier) => keeper.after(earlier),
            None => keeper,
        }))
    };
    let keepers: anyhow::Result<Vec<Arc<Keeper>>> = config.consents.iter().map(keeper).collect();
    Ok(Arc::new(Keepers::new(keepers?)))
}

/// Learns from the store what other replicas have done to consents.
fn follow(live: &Arc<ArcSwap<Live>>, store: Store, stop: CancellationToken) {
    let live = Arc::clone(live);
    tokio::spawn(async move {
        let (mut seen, mut began) = (ConsentsSeen::default(), Instant::now());
        while tokio::select! { () = stop.cancelled() => false, () = sleep(FOLLOW) => true } {
            let keepers = live.load().keepers.clone();
            if keepers.is_empty() {
                continue;
            }
            for keeper in keepers.iter() {
                keeper.settle().await;
            }
            // Another server may have taken over, whose clock is behind.
            if began.elapsed() >= ALL {
                (seen, began) = (ConsentsSeen::default(), Instant::now());
            }
            // A store that can't be reached has its own metric.
            while let Ok((changes, more)) = store.changed_consents(&mut seen).await {
                for change in &changes {
                    if let Some(keeper) = keepers.named(&change.id) {
                        keeper.follow(change);
                    }
                }
                if !more {
                    break;
                }
            }
        }
    });
}

/// Waits for the uses of consents that are under way when the process ends.
pub(super) async fn finish(keepers: &Keepers) {
    let all = async {
        for keeper in keepers.iter() {
            keeper.wind_up().await;
        }
    };
    if timeout(LAST, all).await.is_err() {
        tracing::warn!("a consent's use is still under way; a single-use refresh token may be lost");
    }
}

/// Looks after the consents each day, learns what other replicas do to them, and works for the vendors that have them.
pub(super) fn run(live: &Arc<ArcSwap<Live>>, ambient: &Ambient, stop: &CancellationToken) {
    if let Some(store) = &ambient.store {
        follow(live, store.clone(), stop.clone());
        super::vendors::run(live, ambient, store.clone(), stop.clone());
    }
    let (live, stop) = (Arc::clone(live), stop.clone());
    tokio::spawn(async move {
        for keeper in live.load().keepers.clone().iter() {
            // A store that can't be reached has its own metric.
            let _ = keeper.kept().await;
        }
        let mut pause = FIRST;
        while tokio::select! { () = stop.cancelled() => false, () = sleep(pause) => true } {
            pause = EVERY / 24;
            let keepers = live.load().keepers.clone();
            for keeper in keepers.iter() {
                keeper.look_after().await;
            }
        }
    });
}
