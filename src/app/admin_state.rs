//! What a configuration becomes for the admin listener.

use std::sync::Arc;

use mfa_gateway_keys::KeySource;
use mfa_gateway_layer::Issuer;

use super::Ambient;
use crate::admin::{Access, State};
use crate::config::Config;

/// The state that a configuration with these sources of keys has for the admin listener.
pub(super) fn state(config: &Arc<Config>, sources: &[Arc<KeySource>], ambient: &Ambient, generation: u64) -> State {
    State {
        config: Arc::clone(config),
        access: access(config, sources, ambient),
        generation,
        loaded: ambient.clock.now(),
        needs_restart: Vec::new(),
    }
}

fn access(config: &Config, sources: &[Arc<KeySource>], ambient: &Ambient) -> Access {
    let authentication = config.admin.as_ref().and_then(|admin| admin.authentication.as_ref());
    let operators = authentication.and_then(|authentication| authentication.operators.as_ref());
    let named = |issuer: &&crate::config::Issuer| operators.is_some_and(|one| one.issuer == issuer.profile.name);
    let issuer = |issuer: &crate::config::Issuer| {
        let mut rules = issuer.rules.clone();
        if let Some(audiences) = operators.and_then(|operators| operators.audiences.as_ref()) {
            rules.audiences.clone_from(audiences);
            // A token that names no audience isn't for operators.
            rules.client_ids.clear();
        }
        Issuer::new(Arc::clone(&issuer.profile), rules, Arc::clone(&sources[issuer.keys]))
    };
    let issuers = config.issuers.iter().filter(named).map(issuer).collect();
    let revocations = super::events::revocations(config, ambient);
    Access::new(authentication, issuers, config.token_bytes, (&ambient.clock, revocations))
}
