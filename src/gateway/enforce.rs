//! Enforce: decides. Requests that get past it are [`Permitted`].
//!
//! Behind it stand only the proxy and layers that can't change the request that was decided on.

use std::task::{Context, Poll};

use http::Response;
use tower::{Layer, Service};

use super::browser::CredentialKind;
use super::service::{Inner, Next, refuse};
use super::{Authenticated, Permitted, Rejection, Routed, trace};
use crate::journal::{Customer, Entry};
use crate::report::{Counter, Decided};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Decision, Evidence};
use mfa_gateway_layer::Preview;
use mfa_gateway_wire::{Body, Presence};

/// Makes [`Enforce`].
#[derive(Clone, Copy, Debug)]
pub struct EnforceLayer;

/// Lets permitted requests pass and refuses the others.
#[derive(Clone, Debug)]
pub struct Enforce<S> {
    inner: S,
}

impl<S> Layer<S> for EnforceLayer {
    type Service = Enforce<S>;

    fn layer(&self, inner: S) -> Enforce<S> {
        Enforce { inner }
    }
}

impl<S: Inner<Permitted>> Service<Authenticated> for Enforce<S> {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Next<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, authenticated: Authenticated) -> Self::Future {
        let mut preview = Preview::default();
        let permitted = Permitted::decide(authenticated, |routed, evidence, decision, now| {
            record(routed, evidence, decision, now);
            preview = look_ahead(routed, evidence, decision, now);
        });
        match permitted {
            Err(rejection) => refuse(rejection.with_preview(preview)),
            Ok(permitted) if preview == Preview::default() => Next::Left(self.inner.call(permitted)),
            Ok(permitted) => {
                let answer = self.inner.call(permitted);
                Next::Right(Box::pin(async move {
                    let mut response = answer.await.map_err(|rejection| rejection.with_preview(preview))?;
                    preview.write(response.headers_mut());
                    Ok(response)
                }))
            }
        }
    }
}

fn record(routed: &Routed, evidence: &Evidence, decision: &Decision, at: Timestamp) {
    let exchange = &routed.sanitized.exchange;
    let live = &exchange.live;
    if let Some(counter) = &live.counter {
        count(counter, routed, evidence, decision, at);
    }
    if !live.journal.wants(decision) {
        return;
    }
    let question = routed.sanitized.question();
    let trace_id = exchange.trace.as_deref().map(trace::id);
    let credential = routed.sanitized.observed.credential;
    let session = credential.session().map(|id| id.to_string());
    live.journal.record(&Entry {
        at,
        generation: live.generation,
        request_id: exchange.ids.request.to_str().unwrap_or_default(),
        correlation_id: exchange.ids.correlation.to_str().unwrap_or_default(),
        trace_id: trace_id.as_deref(),
        method: question.method,
        client: question.client(),
        credential: credential.name(),
        session: session.as_deref(),
        route: &routed.route,
        customer: customer(routed),
        waivers: &live.judge.waivers,
        evidence,
        decision,
        logged: live.journal.which.name(),
    });
}

fn count(counter: &Counter, routed: &Routed, evidence: &Evidence, decision: &Decision, at: Timestamp) {
    let Routed { sanitized, route } = routed;
    let ids = &sanitized.exchange.ids;
    counter.count(&Decided {
        at,
        request_id: ids.request.to_str().unwrap_or_default(),
        correlation_id: ids.correlation.to_str().unwrap_or_default(),
        method: sanitized.exchange.request.method(),
        client: sanitized.observed.origin.as_ref().map(|origin| origin.client),
        portal: matches!(sanitized.observed.credential, CredentialKind::Session(_)),
        route,
        customer: customer(routed),
        evidence,
        decision,
    });
}

/// The customer whom the path names, on a route with a customer's context.
fn customer(routed: &Routed) -> Option<Customer<'_>> {
    // Most routes name none, and don't pay for it.
    routed.route.customer_at?;
    let id = routed.route.customer(routed.sanitized.path())?;
    Some(Customer { id, delegates: routed.sanitized.exchange.live.judge.delegations.is_customer(id) })
}

/// Reads what the caller asks for, and looks ahead.
fn look_ahead(routed: &Routed, evidence: &Evidence, decision: &Decision, now: Timestamp) -> Preview {
    let Routed { sanitized, route } = routed;
    let (exchange, live) = (&sanitized.exchange, &sanitized.exchange.live);
    let asked = exchange.present.has(Presence::VALIDATE_MFA) && Preview::is_asked(exchange.request.headers());
    Preview::of((asked, live.refusals.report_header), &route.rule, evidence, decision, &live.judge.waivers, now)
}
