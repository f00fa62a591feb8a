//! Rate limit: refuses a caller who calls too often.
//!
//! It stands behind the decision, so that the verified token identifies the caller, and nobody can use up another
//! caller's budget with an invalid token. The layer only reads the permit, and passes it on unchanged.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use mfa_gateway_wire::Body;
use tower::{Layer, Service};

use super::limiter::Caller;
use super::service::{Inner, Next, refuse};
use super::{Cleared, Permitted, Reason, Rejection};

/// Makes [`RateLimit`].
#[derive(Clone, Copy, Debug)]
pub struct RateLimitLayer;

/// Refuses a caller who calls too often.
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner }
    }
}

impl<S: Inner<Cleared>> Service<Permitted> for RateLimit<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        match Cleared::check(permitted, check) {
            Ok(cleared) => Next::Left(self.inner.call(cleared)),
            Err(rejection) => refuse(rejection),
        }
    }
}

fn check(permitted: &Permitted) -> Result<(), Rejection> {
    let (route, proof) = (permitted.route(), permitted.proof());
    let limiter = route.rate_limit.and_then(|id| permitted.live().rate_limiters.get(id.0));
    let Some(limiter) = limiter else { return Ok(()) };
    let caller = Caller::of(limiter.settings().key, proof.map(AsRef::as_ref), permitted.question().client());
    limiter.check(&caller).map_err(|wait| {
        let rejection = Rejection::new(Reason::RateLimited(wait)).on(Arc::clone(route)).with_proof(proof.cloned());
        rejection.because(UsedUp(limiter.settings().name.clone()))
    })
}

#[derive(Debug, thiserror::Error)]
#[error("the rate limit {0} is exhausted")]
struct UsedUp(String);
