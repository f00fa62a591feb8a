//! The service: one request, one answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;

use super::endpoint::{Audience, Endpoint};
use super::guard::{check_host, check_origin};
use super::{Reloads, State, openapi, page};
use crate::gateway::{Answer, Arrived, Exchange, Live, Peer, Rejection, Sanitize, SanitizeLayer, refusal};
use crate::telemetry::Metrics;
use mfa_gateway_core::policy::Dialect;
use mfa_gateway_keys::KeySource;
use mfa_gateway_wire::{Body, Busy};

/// What the admin listener tells of.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) state: Arc<ArcSwap<State>>,
    pub(crate) sources: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
    pub(crate) metrics: Arc<Metrics>,
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

/// The service over connections: requests are sound when they get to [`Admin`], and refusals become bytes behind it. A
/// panic ends one request, as on the traffic port.
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
    let admin = Arc::new(admin);
    let handler = Handler { admin: Arc::clone(&admin) };
    let render = Render { inner: SanitizeLayer.layer(handler), admin: Arc::clone(&admin) };
    ServiceBuilder::new()
        // The layer behind it is for requests alone.
        .map_request(|Arrived { mut request, peer, busy }| {
            request.extensions_mut().insert(Arc::new(Sender { peer, _busy: busy }));
            request
        })
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(CatchPanicLayer::custom(move |_| panicked(&admin.metrics)))
        .service(render)
}

/// Answers for a panic, whose message is on standard error already.
fn panicked(metrics: &Metrics) -> Response<Body> {
    metrics.panics.inc();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Hands sound requests to [`Admin`].
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    admin: Arc<Admin>,
}

impl Service<Box<Exchange>> for Handler {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, exchange: Box<Exchange>) -> Answer {
        let admin = Arc::clone(&self.admin);
        Box::pin(async move { admin.answer(exchange.into_request()).await })
    }
}

/// Who sent a request. Its connection isn't idle for as long as this is held.
struct Sender {
    peer: Option<Arc<Peer>>,
    _busy: Option<Busy>,
}

/// Gives a request its ids, and turns refusals into bytes.
#[derive(Clone, Debug)]
pub(crate) struct Render {
    inner: Sanitize<Handler>,
    admin: Arc<Admin>,
}

impl Service<Request<Body>> for Render {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let live = self.admin.live.load_full();
        let version = request.version();
        let sender = request.extensions_mut().remove::<Arc<Sender>>();
        let peer = sender.as_ref().and_then(|sender| sender.peer.clone());
        let unread = peer.clone().filter(|_| !request.body().is_end_stream());
        let exchange = Exchange::begin(request, peer, Arc::clone(&live));
        let ids = exchange.ids().clone();
        let answer = self.inner.call(exchange);
        Box::pin(async move {
            let _sender = sender;
            let mut response = match answer.await {
                Ok(response) => response,
                Err(rejection) => {
                    // What is unread of the body must not become the next request.
                    if let Some(peer) = &unread {
                        peer.handle.linger();
                    }
                    let close = unread.is_some() && version <= Version::HTTP_11;
                    refusal::response(&rejection.worded(Dialect::Oauth), &live.refusals, &ids, version, close)
                }
            };
            complete(response.status(), response.headers_mut());
            ids.put(response.headers_mut());
            Ok(response)
        })
    }
}

/// What every answer has: nothing of it is kept, framed, guessed at or sent on by a browser.
fn complete(status: StatusCode, headers: &mut HeaderMap) {
    let fixed = HeaderValue::from_static;
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert("cross-origin-resource-policy", fixed("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(fixed("default-src 'none'; frame-ancestors 'none'"));
    // Every 401 has a challenge (RFC 9110 section 15.5.2).
    if status == StatusCode::UNAUTHORIZED {
        headers.entry(WWW_AUTHENTICATE).or_insert(fixed(r#"Bearer error="invalid_token""#));
    }
}
