//! Enforce: decides. What gets past it is [`Permitted`].
//!
//! Behind it stand only the proxy and what can't change what was decided about.

use std::task::{Context, Poll};

use http::Response;
use tower::{Layer, Service};

use super::exchange::Ids;
use super::origin::client;
use super::preview::Preview;
use super::{Answer, Authenticated, Permitted, Rejection, Routed, trace};
use crate::clock::Timestamp;
use crate::journal::Entry;
use crate::net::Body;
use crate::policy::{Decision, Evidence};

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

impl<S> Service<Authenticated> for Enforce<S>
where
    S: Service<Permitted, Response = Response<Body>, Error = Rejection, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, authenticated: Authenticated) -> Answer {
        let mut preview = Preview::default();
        let permitted = Permitted::decide(authenticated, |routed, evidence, decision, now| {
            record(routed, evidence, decision, now);
            preview = Preview::of(routed, evidence, decision, now);
        });
        match permitted {
            Err(rejection) => Box::pin(async move { Err(rejection.with_preview(preview)) }),
            Ok(permitted) => {
                let answer = self.inner.call(permitted);
                Box::pin(async move {
                    let mut response = answer.await.map_err(|rejection| rejection.with_preview(preview))?;
                    preview.write(response.headers_mut());
                    Ok(response)
                })
            }
        }
    }
}

fn record(routed: &Routed, evidence: &Evidence, decision: &Decision, at: Timestamp) {
    let live = &routed.live;
    if !live.journal.wants(decision) {
        return;
    }
    let ids = routed.request.extensions().get::<Ids>();
    let text = |id: Option<&'_ http::HeaderValue>| id.and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let trace_id = trace::of(&routed.request, live).map(|trace| trace::id(trace));
    live.journal.record(&Entry {
        at,
        generation: live.generation,
        request_id: &text(ids.map(|ids| &ids.request)),
        correlation_id: &text(ids.map(|ids| &ids.correlation)),
        trace_id: trace_id.as_deref(),
        method: routed.request.method(),
        client: client(&routed.request),
        route: &routed.route,
        waivers: &live.waivers,
        evidence,
        decision,
    });
}
