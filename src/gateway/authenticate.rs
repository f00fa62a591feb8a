//! Authenticate: gathers the evidence about the caller. It never refuses; the decision has one place.
//!
//! It stands behind routing because a public route looks at no token: a broken issuer can't take it down.

use std::task::{Context, Poll};

use http::Response;
use tower::{Layer, Service};

use super::browser::Presented;
use super::service::{Inner, Next};
use super::{Authenticated, Rejection, Routed, broker, shown, token_place};
use crate::routing::TokenPlace;
use mfa_gateway_core::policy::{Evidence, Requirement};
use mfa_gateway_layer::{Credential, Lookup};
use mfa_gateway_wire::Body;

/// Makes [`Authenticate`].
#[derive(Clone, Copy, Debug)]
pub struct AuthenticateLayer;

/// Adds the evidence to a request.
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    inner: S,
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner }
    }
}

impl<S> Service<Routed> for Authenticate<S>
where
    S: Inner<Authenticated> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut routed: Routed) -> Self::Future {
        let live = &routed.sanitized.exchange.live;
        let presented = routed.sanitized.observed.presented.take();
        let known = if let Some(Presented(evidence)) = presented {
            // A public route may know a session, and needs none.
            Lookup::Known(evidence)
        } else if routed.route.rule.requirement == Requirement::Public
            // A token counts for nothing where sessions are taken alone.
            || routed.route.sessions.is_some_and(|usage| !usage.or_token)
        {
            Lookup::Known(Evidence::None)
        } else if let Some(evidence) = broker::evidence(&routed) {
            Lookup::Known(evidence)
        } else if routed.route.token_from == TokenPlace::Authorization {
            let credential = routed.sanitized.exchange.credential();
            look(&routed, live.judge.authenticator.look_up(credential), credential)
        } else {
            let token = token_place::read(&routed.route.token_from, routed.sanitized.exchange.request.headers());
            let credential = token.as_deref().map_or(Credential::None, Credential::Bearer);
            look(&routed, live.judge.authenticator.look_up(credential), credential)
        };
        match known {
            Lookup::Known(evidence) => {
                shown::remove_proof(&mut routed);
                let nonce = shown::next_nonce(&routed, &evidence);
                let answer = self.inner.call(Authenticated { routed, evidence });
                match nonce {
                    None => Next::Left(answer),
                    Some(nonce) => Next::Right(Box::pin(shown::with_nonce(nonce, answer))),
                }
            }
            Lookup::Unknown(token) => {
                // Call the service that was polled ready; its clone takes its place.
                let clone = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, clone);
                Next::Right(Box::pin(async move {
                    let evidence = routed.sanitized.exchange.live.judge.verify(&token).await;
                    // At any other place, it came as a bearer token.
                    let credential = match routed.sanitized.exchange.credential() {
                        Credential::Dpop(token) if routed.route.token_from == TokenPlace::Authorization => {
                            Credential::Dpop(token)
                        }
                        _ => Credential::Bearer(token.as_bytes()),
                    };
                    let evidence = shown::look(&routed, credential, evidence);
                    shown::remove_proof(&mut routed);
                    let nonce = shown::next_nonce(&routed, &evidence);
                    let answer = inner.call(Authenticated { routed, evidence });
                    match nonce {
                        None => answer.await,
                        Some(nonce) => shown::with_nonce(nonce, answer).await,
                    }
                }))
            }
        }
    }
}

/// The result with what the request shows of its sender, if the token was known.
fn look(routed: &Routed, found: Lookup, credential: Credential<'_>) -> Lookup {
    match found {
        Lookup::Known(evidence) => Lookup::Known(shown::look(routed, credential, evidence)),
        unknown @ Lookup::Unknown(_) => unknown,
    }
}
