//! The remaining budgets of callers under a rate limit.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter as Governor};
use mfa_gateway_core::policy::Proof;
use mfa_gateway_wire::client_network;
use moka::sync::Cache;

use super::{RateLimitKey, RateLimitSettings as Settings};

/// How many callers a limit remembers. Beyond that it forgets those who called least, and they start afresh.
const MAX_CALLERS: u64 = 100_000;
/// The time after which any caller is forgotten: moka's own maximum is a thousand years.
const MAX_IDLE: Duration = Duration::from_secs(366 * 86_400);

/// The owner of the budget that a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller<'p> {
    /// Of an issuer: an application, a user or a tenant.
    Claimed(&'p str, RateLimitKey, &'p str),
    /// An address; all without one are the same.
    At(Option<std::net::IpAddr>),
}

impl<'p> Caller<'p> {
    /// Names the caller as the limit requires. If the token lacks that name, one that it has takes its place: nobody is
    /// without a limit.
    pub(super) fn of(key: RateLimitKey, proof: Option<&'p Proof>, address: Option<std::net::IpAddr>) -> Self {
        let claimed = |key| {
            let proof = proof?;
            let id = match key {
                RateLimitKey::Application => proof.principal.app().id.as_deref(),
                RateLimitKey::User => proof.principal.user().and_then(|user| user.id.as_deref()),
                RateLimitKey::Tenant => proof.tenant.as_deref(),
                RateLimitKey::Address => None,
            };
            Some(Self::Claimed(&proof.issuer.name, key, id?))
        };
        let order: &[RateLimitKey] = match key {
            RateLimitKey::Application => &[RateLimitKey::Application, RateLimitKey::User],
            RateLimitKey::User => &[RateLimitKey::User, RateLimitKey::Application],
            RateLimitKey::Tenant => &[RateLimitKey::Tenant, RateLimitKey::Application, RateLimitKey::User],
            RateLimitKey::Address => &[],
        };
        order.iter().find_map(|key| claimed(*key)).unwrap_or(Self::At(address.map(client_network)))
    }
}

/// The runtime's clock, which tests can advance.
#[derive(Clone, Debug)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        tokio::time::Instant::now().into_std()
    }
}

type Budget = Governor<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<std::time::Instant>>;

/// The callers of a limit, and their remaining budgets.
///
/// governor's own map of callers grows until it is swept; this one is bounded. Its keys are hashes under a secret of
/// this process, so that long names take no memory and nobody can search for collisions.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    settings: Settings,
    callers: Cache<u64, Arc<Budget>>,
    secret: RandomState,
}

impl RateLimiter {
    /// A limit with nothing used yet.
    pub(crate) fn new(settings: Settings) -> Self {
        // By then an unused budget is full again, and forgetting it changes nothing.
        let whole = settings.interval.saturating_mul(settings.burst.get()).max(Duration::from_secs(1));
        let callers = Cache::builder().max_capacity(MAX_CALLERS).time_to_idle(whole.min(MAX_IDLE)).build();
        Self { settings, callers, secret: RandomState::new() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes one request from a caller's budget; if it is used up, returns after how many seconds to try again.
    pub(super) fn check(&self, caller: &Caller<'_>) -> Result<(), u64> {
        let budget = self.callers.get_with(self.secret.hash_one(caller), || Arc::new(self.budget()));
        budget.check().map_err(|until| {
            let wait = until.wait_time_from(RuntimeClock.now());
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).div_ceil(1000).max(1)
        })
    }

    fn budget(&self) -> Budget {
        // The configuration allows no empty interval.
        let quota = Quota::with_period(self.settings.interval).unwrap_or(Quota::per_second(self.settings.burst));
        Governor::direct_with_clock(quota.allow_burst(self.settings.burst), RuntimeClock)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(requests: u32) -> RateLimiter {
        RateLimiter::new(Settings {
            name: "test".to_owned(),
            interval: Duration::from_secs(60) / requests,
            burst: NonZeroU32::new(requests).unwrap(),
            key: RateLimitKey::Address,
        })
    }

    fn at(address: [u8; 4]) -> Caller<'static> {
        Caller::At(Some(address.into()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_used_up_and_comes_back_with_time() {
        let limiter = limiter(4);
        let one = at([192, 0, 2, 1]);
        for _ in 0..4 {
            assert_eq!(limiter.check(&one), Ok(()));
        }
        assert_eq!(limiter.check(&one), Err(15));
        assert_eq!(limiter.check(&at([192, 0, 2, 2])), Ok(()), "another caller has a budget of its own");
        tokio::time::advance(Duration::from_millis(14_500)).await;
        assert_eq!(limiter.check(&one), Err(1));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(limiter.check(&one), Ok(()));
        assert!(limiter.check(&one).is_err(), "only what came back");
    }

    #[test]
    fn the_same_id_of_another_kind_or_issuer_is_another_caller() {
        let limiter = limiter(1);
        let callers = [
            Caller::Claimed("a", RateLimitKey::User, "x"),
            Caller::Claimed("a", RateLimitKey::Application, "x"),
            Caller::Claimed("b", RateLimitKey::User, "x"),
            Caller::Claimed("ab", RateLimitKey::User, ""),
            Caller::At(None),
        ];
        for caller in &callers {
            assert_eq!(limiter.check(caller), Ok(()), "{caller:?}");
        }
    }

    #[test]
    fn masses_of_callers_take_bounded_memory() {
        let limiter = limiter(1);
        for number in 0..u32::try_from(MAX_CALLERS).unwrap() + 20_000 {
            let _ = limiter.check(&Caller::At(Some(std::net::Ipv4Addr::from(number).into())));
        }
        limiter.callers.run_pending_tasks();
        assert!(limiter.callers.entry_count() <= MAX_CALLERS);
    }
}
