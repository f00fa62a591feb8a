//! The parts that the services of the stack share.

use std::future::ready;
use std::pin::Pin;

use futures_util::future::Either;
use http::Response;
use mfa_gateway_wire::Body;
use tower::Service;

use super::Rejection;

/// The result of a boxed service inside [`super::Render`].
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Rejection>> + Send>>;

/// The future of a layer: most requests go to the next service, and the layer's own response is the exception.
pub type Next<F> = Either<F, Answer>;

/// A service inside [`super::Render`].
pub trait Inner<T>:
    Service<
        T,
        Response = Response<Body>,
        Error = Rejection,
        Future: Future<Output = Result<Response<Body>, Rejection>> + Send + Unpin + 'static,
    >
{
}

impl<T, S> Inner<T> for S where
    S: Service<
            T,
            Response = Response<Body>,
            Error = Rejection,
            Future: Future<Output = Result<Response<Body>, Rejection>> + Send + Unpin + 'static,
        >
{
}

/// A layer's own refusal.
pub(super) fn refuse<F>(rejection: Rejection) -> Next<F> {
    Either::Right(Box::pin(ready(Err(rejection))))
}
