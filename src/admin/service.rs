//! The service: one request, one answer.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use prometheus_client::metrics::counter::Counter;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceBuilder};

use super::endpoint::{Audience, Endpoint};
use super::guard::{check_host, check_origin};
use super::{Reloads, State, openapi, page};
use crate::gateway::{
    Answer, Arrived, CatchPanicLayer, LimitLayer, Live, Rejection, RenderLayer, SanitizeLayer, Sanitized,
};
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::Dialect;
use mfa_gateway_keys::KeySource;
use mfa_gateway_wire::Body;

/// How many requests there may be at once: operators, a kubelet and a few scrapers.
const MAX_REQUESTS: usize = 256;

/// All metrics of the process, as a text.
pub(crate) trait Exposition: fmt::Debug + Send + Sync {
    /// Writes them in the `OpenMetrics` text format, with ages as of `now`.
    ///
    /// # Errors
    ///
    /// None in practice: writing to a string doesn't fail.
    fn encode(&self, now: Timestamp) -> Result<String, fmt::Error>;
}

/// What the admin listener tells of.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) state: Arc<ArcSwap<State>>,
    pub(crate) sources: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
    pub(crate) metrics: Arc<dyn Exposition>,
    /// Panics that were caught, of requests as well.
    pub(crate) panics: Counter,
    pub(crate) reloads: Reloads,
    pub(crate) draining: CancellationToken,
    /// Whether every issuer's keys were had once.
    pub(crate) started: AtomicBool,
}

impl Admin {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Rejection> {
        let (head, body) = request.into_parts();
        let endpoint = Endpoint::find(head.uri.path(), &head.method).map_err(Rejection::new)?;
        let state = self.state.load_full();
        let open_details = state.config.admin.as_ref().is_some_and(|admin| admin.open_details);
        match endpoint.audience() {
            Audience::Details if open_details => {}
            Audience::Everybody => {}
            Audience::Details | Audience::Operators => Self::authorize(&state, &head).await?,
            Audience::Static => {
                check_host(&head.headers, state.hosts())?;
                state.access.admits_any()?;
            }
        }
        Ok(match endpoint {
            Endpoint::Alive => Self::alive(),
            Endpoint::Ready => {
                let details = open_details || state.access.authorize(&head.headers).await.is_ok();
                self.ready(details)
            }
            Endpoint::Metrics => self.metrics()?,
            Endpoint::Config => self.config(),
            Endpoint::Issuers => self.issuers(),
            Endpoint::Routes => self.routes(),
            Endpoint::Explain => self.explain(Request::from_parts(head, body)).await?,
            Endpoint::Reload => self.reload().await?,
            Endpoint::OpenApi => openapi::openapi(),
            Endpoint::Page => page::page(),
            Endpoint::Script => page::script(),
            Endpoint::Style => page::style(),
        })
    }

    /// Lets operators pass, and logs what they have done.
    async fn authorize(state: &State, head: &Parts) -> Result<(), Rejection> {
        check_host(&head.headers, state.hosts())?;
        check_origin(&head.headers)?;
        let operator = state.access.authorize(&head.headers).await?;
        if head.method == Method::POST {
            tracing::info!(path = head.uri.path(), operator = operator.0, "an operator's request");
        }
        Ok(())
    }
}

/// The service over connections, of the same layers as the traffic port.
pub(crate) fn service(
    admin: Admin,
) -> impl Service<
    Arrived,
    Response = Response<Body>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send
+ 'static {
    let (live, panics, admin) = (Arc::clone(&admin.live), admin.panics.clone(), Arc::new(admin));
    ServiceBuilder::new()
        // Every response has them, a refusal's too.
        .map_response(complete)
        // A panic inside ends this request alone.
        .layer(CatchPanicLayer::new(&panics))
        // Gives a request its ids, and turns refusals into bytes.
        .layer(RenderLayer::for_operators(live))
        .layer(LimitLayer::new(MAX_REQUESTS))
        // Requests are sound when they get to the handler.
        .layer(SanitizeLayer)
        .service(Handler { admin })
}

/// Hands sound requests to [`Admin`].
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    admin: Arc<Admin>,
}

impl Service<Sanitized> for Handler {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, sanitized: Sanitized) -> Answer {
        let admin = Arc::clone(&self.admin);
        Box::pin(async move {
            let response = admin.answer(sanitized.into_request()).await;
            response.map_err(|rejection| rejection.worded(Dialect::Oauth))
        })
    }
}

/// What every response has: nothing of it is kept, framed, guessed at or sent on by a browser.
fn complete(mut response: Response<Body>) -> Response<Body> {
    let (fixed, status) = (HeaderValue::from_static, response.status());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert("cross-origin-resource-policy", fixed("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(fixed("default-src 'none'; frame-ancestors 'none'"));
    // Every 401 has a challenge (RFC 9110 section 15.5.2).
    if status == StatusCode::UNAUTHORIZED {
        headers.entry(WWW_AUTHENTICATE).or_insert(fixed(r#"Bearer error="invalid_token""#));
    }
    response
}
