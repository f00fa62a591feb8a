//! The access tokens of all consents in memory, and where the issuer gave none.
//!
//! Thousands of consents with a thousand tenants each share one memory of a bounded size: what was used least recently goes
//! first, and is fetched again. Each consent has a number of its own in the keys. So it forgets what it has by taking another
//! number, and whatever is still under way under the old one is never found again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::issued::{Issued, TokenError};

/// How much memory the access tokens of all consents may take.
const MAX_BYTES: u64 = 128 << 20;

/// What an entry takes besides its texts.
const OVERHEAD: usize = 400;

/// How many tenants without a token are remembered.
const MAX_REFUSED: u64 = 100_000;

/// How long a tenant that gives no token isn't asked again.
const REFUSED: Duration = Duration::from_secs(60);

/// How long an access token is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(3600);

/// What an access token is kept under: the tenant, the scope, and the number of its consent.
pub(super) type Place = (Option<Box<str>>, Box<str>, u64);

/// The memory of all consents.
#[derive(Clone, Debug)]
pub struct TokenMemory {
    tokens: Cache<Place, Arc<Issued>>,
    refused: Cache<Place, TokenError>,
    next: Arc<AtomicU64>,
}

impl Default for TokenMemory {
    fn default() -> Self {
        Self::of(MAX_BYTES)
    }
}

impl TokenMemory {
    /// A memory of at most so many bytes.
    fn of(bytes: u64) -> Self {
        let weight = |place: &Place, issued: &Arc<Issued>| {
            let texts = place.0.as_deref().map_or(0, str::len) + place.1.len() + issued.bearer.len();
            u32::try_from(texts + OVERHEAD).unwrap_or(u32::MAX)
        };
        let tokens = Cache::builder().max_capacity(bytes).weigher(weight).time_to_idle(IDLE);
        let refused = Cache::builder().max_capacity(MAX_REFUSED).time_to_live(REFUSED);
        Self {
            tokens: tokens.eviction_policy(EvictionPolicy::lru()).build(),
            refused: refused.eviction_policy(EvictionPolicy::lru()).build(),
            next: Arc::default(),
        }
    }
}

/// What one consent has in it.
#[derive(Debug)]
pub(super) struct Part {
    memory: TokenMemory,
    number: AtomicU64,
}

impl Part {
    /// A part with nothing in it.
    pub(super) fn of(memory: &TokenMemory) -> Self {
        let part = Self { memory: memory.clone(), number: AtomicU64::default() };
        part.forget();
        part
    }

    /// Where a token of this tenant and scope is kept.
    pub(super) fn place(&self, tenant: Option<&str>, scope: &str) -> Place {
        (tenant.map(|tenant| tenant.to_ascii_lowercase().into()), scope.into(), self.number.load(Ordering::Acquire))
    }

    /// The token that is kept there.
    pub(super) fn token(&self, place: &Place) -> Option<Arc<Issued>> {
        self.memory.tokens.get(place)
    }

    /// Keeps a token.
    pub(super) fn keep(&self, place: &Place, issued: &Arc<Issued>) {
        self.memory.tokens.insert(place.clone(), Arc::clone(issued));
    }

    /// Why there was no token a moment ago.
    pub(super) fn refusal(&self, place: &Place) -> Option<TokenError> {
        self.memory.refused.get(place)
    }

    /// Remembers for a while that there is no token.
    pub(super) fn refuse(&self, place: &Place, error: TokenError) {
        self.memory.refused.insert(place.clone(), error);
    }

    /// Forgets everything, what is under way included.
    pub(super) fn forget(&self) {
        self.number.store(self.memory.next.fetch_add(1, Ordering::AcqRel), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_core::clock::Timestamp;
    use mfa_gateway_core::policy::MfaRule;

    use super::*;

    fn issued() -> Arc<Issued> {
        Arc::new(Issued::of("token", Timestamp::from_secs(1), &MfaRule::default(), String::new()))
    }

    #[test]
    fn a_consent_that_forgets_takes_nothing_from_another() {
        let memory = TokenMemory::default();
        let (one, other) = (Part::of(&memory), Part::of(&memory));
        for part in [&one, &other] {
            part.keep(&part.place(Some("Tenant"), "api"), &issued());
            part.refuse(&part.place(None, "api"), TokenError::Store);
        }
        let under_way = one.place(Some("tenant"), "late");
        one.forget();
        one.keep(&under_way, &issued());
        for scope in ["api", "late"] {
            assert!(one.token(&one.place(Some("tenant"), scope)).is_none(), "{scope}");
        }
        assert_eq!(one.refusal(&one.place(None, "api")), None);
        assert!(other.token(&other.place(Some("tenant"), "api")).is_some());
        assert_eq!(other.refusal(&other.place(None, "api")), Some(TokenError::Store));
    }

    #[test]
    fn masses_of_tenants_take_bounded_memory() {
        let memory = TokenMemory::of(1 << 20);
        let part = Part::of(&memory);
        let issued = issued();
        for at in 0..10_000 {
            part.keep(&part.place(Some(&format!("tenant-{at}")), "api"), &issued);
        }
        memory.tokens.run_pending_tasks();
        assert!(memory.tokens.weighted_size() <= 1 << 20);
        assert!(part.token(&part.place(Some("tenant-9999"), "api")).is_some(), "the newest stays");
    }
}
