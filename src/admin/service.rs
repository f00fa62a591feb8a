//! The service: one request, one response.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::{Service, ServiceBuilder};
use tower_http::set_header::SetResponseHeaderLayer;

use super::context::Admin;
use super::router::router;
use super::{entrance, probe};
use crate::gateway::{Answer, Arrived, CatchPanicLayer, LimitLayer, Rejection, RenderLayer, SanitizeLayer, Sanitized};
use mfa_gateway_wire::Body;

/// How many requests there may be at once: operators, a kubelet and a few scrapers.
const MAX_REQUESTS: usize = 256;

/// What a response may load and be framed by, unless it says otherwise.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

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
    let fixed = HeaderValue::from_static;
    ServiceBuilder::new()
        // The next layers know requests, and look at none: what arrived goes through them as the body of one.
        .map_request(Request::<Arrived>::new)
        // Every response has these fields, a refusal's too: a browser neither stores nor frames it, nor guesses its
        // type, nor sends its address on.
        .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, fixed("no-store")))
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, fixed("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(REFERRER_POLICY, fixed("no-referrer")))
        .layer(SetResponseHeaderLayer::overriding(RESOURCE_POLICY, fixed("same-origin")))
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, fixed(POLICY)))
        .layer(SetResponseHeaderLayer::if_not_present(WWW_AUTHENTICATE, challenge))
        .map_request(Request::<Arrived>::into_body)
        .map_request(probe::with_host)
        // A panic inside ends this request alone.
        .layer(CatchPanicLayer::new(&panics))
        // Gives a request its ids, and turns refusals into bytes.
        .layer(RenderLayer::for_operators(live))
        .layer(LimitLayer::new(MAX_REQUESTS))
        // Requests are sound when they get to the handler.
        .layer(SanitizeLayer)
        .service(Handler { router: router(&admin), admin })
}

/// Hands sound requests to the entrance, and refusals to Render.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    admin: Arc<Admin>,
    router: Router,
}

impl Service<Sanitized> for Handler {
    type Response = Response<Body>;
    type Error = Rejection;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Rejection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, sanitized: Sanitized) -> Answer {
        Box::pin(entrance::serve(Arc::clone(&self.admin), self.router.clone(), sanitized))
    }
}

/// The challenge that every 401 has (RFC 9110 section 15.5.2).
fn challenge(response: &Response<Body>) -> Option<HeaderValue> {
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    unauthorized.then_some(HeaderValue::from_static(r#"Bearer error="invalid_token""#))
}
