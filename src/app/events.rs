//! Security events: who receives them, and what every decision then looks into.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use crate::config::Config;
use crate::events::{EventSettings, Receiver, Revoked, Transmitter};
use mfa_gateway_core::policy::Revocations;
use mfa_gateway_keys::KeySource;
use mfa_gateway_layer::EventVerifier;

/// What issuers revoked, if somebody may tell.
pub(super) fn open(config: &Config, ambient: &Ambient) -> Option<Arc<Revoked>> {
    let (Some(settings), Some(store)) = (&config.events, &ambient.store) else { return None };
    let (clock, metrics) = (ambient.clock.clone(), ambient.metrics.events.clone());
    Some(Arc::new(Revoked::new(store.clone(), clock, settings.outage, metrics)))
}

/// Reads what is revoked, and keeps it alike with the store from then on.
pub(super) async fn run(revoked: Option<&Arc<Revoked>>, stop: CancellationToken) {
    if let Some(revoked) = revoked {
        Arc::clone(revoked).keep(stop).await;
    }
}

/// Takes another configuration's settings into use.
pub(super) fn change(config: &Config, ambient: &Ambient) {
    if let (Some(revoked), Some(settings)) = (&ambient.revoked, &config.events) {
        revoked.change(settings.outage);
    }
}

/// What ends proofs, if this configuration has transmitters.
pub(super) fn revocations(config: &Config, ambient: &Ambient) -> Option<Revocations> {
    config.events.as_ref()?;
    ambient.revoked.as_ref().map(|revoked| revoked.revocations().clone())
}

/// The receiver of a configuration's transmitters; none for commands, which serve nobody.
pub(super) fn receiver(config: &Config, ambient: &Ambient, sources: &[Arc<KeySource>]) -> Option<Arc<Receiver>> {
    let (Some(revoked), Some(EventSettings { keep, transmitters, .. })) = (&ambient.revoked, &config.events) else {
        return None;
    };
    let transmitter = |settings: &crate::events::TransmitterSettings| {
        let keys = Arc::clone(&sources[settings.keys]);
        let verifier = EventVerifier::new(settings.rules.clone(), keys, ambient.clock.clone());
        Transmitter { settings: settings.clone(), verifier }
    };
    let transmitters = transmitters.iter().map(transmitter).collect();
    let told = (Arc::clone(revoked), ambient.sessions.clone());
    Some(Arc::new(Receiver::new(transmitters, told, *keep, ambient.clock.clone())))
}
