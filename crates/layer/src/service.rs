//! The layer, and the service that it makes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use mfa_gateway_core::policy::Evidence;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::authenticator::Lookup;
use super::guard::Guard;
use super::preview::Preview;
use super::refuse::{Empty, Json, Refuse};

/// Layer that applies [`Mfa`], which permits requests by one requirement and refuses the others.
///
/// [`MfaGateway::layer`](super::MfaGateway::layer) makes it.
#[derive(Clone, Debug)]
pub struct MfaLayer<R = Json> {
    guard: Arc<Guard>,
    refuse: R,
}

/// Middleware that permits requests by one requirement and refuses the others.
#[derive(Clone, Debug)]
pub struct Mfa<S, R = Json> {
    inner: S,
    guard: Arc<Guard>,
    refuse: R,
}

impl MfaLayer {
    pub(super) fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard), refuse: Json }
    }
}

impl<R> MfaLayer<R> {
    /// The same, with other bodies of refusals.
    #[must_use]
    pub fn refusing<O>(self, refuse: O) -> MfaLayer<O> {
        MfaLayer { guard: self.guard, refuse }
    }

    /// The same, without bodies: for services that speak gRPC alone. Calls are refused with `grpc-status` 16 or 7 (14
    /// while keys are unavailable), and `www-authenticate` in the header fields.
    #[must_use]
    pub fn grpc(self) -> MfaLayer<Empty> {
        self.refusing(Empty)
    }
}

impl<S, R: Clone> Layer<S> for MfaLayer<R> {
    type Service = Mfa<S, R>;

    fn layer(&self, inner: S) -> Mfa<S, R> {
        Mfa { inner, guard: Arc::clone(&self.guard), refuse: self.refuse.clone() }
    }
}

impl<S, R, B, A> Service<Request<B>> for Mfa<S, R>
where
    S: Service<Request<B>, Response = Response<A>> + Clone,
    R: Refuse<A> + Clone,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let state = match self.guard.look_up(&request) {
            Lookup::Known(evidence) => match self.guard.admit(&mut request, evidence, &self.refuse) {
                Ok(preview) => State::Inner { future: self.inner.call(request), preview },
                Err(response) => State::Refused { response: Some(response) },
            },
            Lookup::Unknown(token) => {
                // The service that was polled ready is called; its clone takes its place.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let verify = Box::pin(Arc::clone(&self.guard).verify(token));
                let (guard, refuse) = (Arc::clone(&self.guard), self.refuse.clone());
                State::Verifying { verify, waiting: Some(Box::new(Waiting { inner, request, guard, refuse })) }
            }
        };
        ResponseFuture { state }
    }
}

/// A request whose token is being verified.
struct Waiting<S, B, R> {
    inner: S,
    request: Request<B>,
    guard: Arc<Guard>,
    refuse: R,
}

type Verify = Pin<Box<dyn Future<Output = Evidence> + Send>>;

pin_project! {
    /// The response of [`Mfa`].
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R>,
    }
}

pin_project! {
    #[project = Now]
    enum State<S, B, R>
    where
        S: Service<Request<B>>,
    {
        // Of a token that isn't known yet: that alone is boxed.
        Verifying { verify: Verify, waiting: Option<Box<Waiting<S, B, R>>> },
        Inner { #[pin] future: S::Future, preview: Preview },
        Refused { response: Option<S::Response> },
    }
}

impl<S: Service<Request<B>>, B, R> fmt::Debug for ResponseFuture<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<S, B, R, A> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<A>>,
    R: Refuse<A>,
{
    type Output = Result<Response<A>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                Now::Inner { future, preview } => {
                    let mut response = ready!(future.poll(cx))?;
                    preview.write(response.headers_mut());
                    return Poll::Ready(Ok(response));
                }
                // Nobody polls a future again that was ready.
                Now::Refused { response } => return response.take().map_or(Poll::Pending, |one| Poll::Ready(Ok(one))),
                Now::Verifying { verify, waiting } => {
                    let evidence = ready!(verify.as_mut().poll(cx));
                    let Some(waiting) = waiting.take() else { return Poll::Pending };
                    let Waiting { mut inner, mut request, guard, refuse } = *waiting;
                    match guard.admit(&mut request, evidence, &refuse) {
                        Ok(preview) => State::Inner { future: inner.call(request), preview },
                        Err(response) => State::Refused { response: Some(response) },
                    }
                }
            };
            state.set(next);
        }
    }
}
