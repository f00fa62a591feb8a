//! What the demo's other services may know of the provider: whose tokens are good, and who consented to what.

use std::sync::Arc;

use serde_json::Value;

use super::state::State;
use crate::tenants::Consents;
use mfa_gateway_core::clock::Timestamp;

/// The provider as other services see it.
#[derive(Clone)]
pub struct Directory(Arc<State>);

impl Directory {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self(state)
    }

    /// The claims of a token that the provider signed and that has not expired.
    #[must_use]
    pub fn claims(&self, token: &str) -> Option<Value> {
        let claims = self.0.keys.verified(token)?;
        let now = self.now().as_secs();
        claims["exp"].as_i64().is_some_and(|expires| now < expires).then_some(claims)
    }

    /// Which applications are consented to in the customers' tenants.
    #[must_use]
    pub fn consents(&self) -> &Consents {
        &self.0.consents
    }

    /// The provider's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Directory").field(&self.0.issuer).finish()
    }
}
