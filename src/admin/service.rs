//! The service: one request, one answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use tower::{Service, ServiceBuilder, ServiceExt};

use super::context::Admin;
use super::refused::Refused;
use super::router::router;
use crate::gateway::{Answer, Arrived, CatchPanicLayer, LimitLayer, Rejection, RenderLayer, SanitizeLayer, Sanitized};
use mfa_gateway_core::policy::Dialect;
use mfa_gateway_wire::Body;

/// How many requests there may be at once: operators, a kubelet and a few scrapers.
const MAX_REQUESTS: usize = 256;

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
        .service(Handler { router: router(&admin) })
}

/// Hands sound requests to the router, and the router's refusals to Render.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
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
        let response = self.router.clone().oneshot(sanitized.into_request());
        Box::pin(async move {
            let Ok(response) = response.await;
            let response = Refused::taken_from(response).map_err(|rejection| rejection.worded(Dialect::Oauth))?;
            Ok(response.map(Body::new))
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
