//! The bodies of refusals.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::refusal::{Refusal, Refusals};

/// A refused request, for what words the body.
#[derive(Clone, Debug)]
pub struct Refused<'r> {
    pub(super) refusal: Refusal<'r>,
    pub(super) settings: &'r Refusals,
    pub(super) request_id: &'r str,
    pub(super) grpc: Option<HeaderValue>,
}

impl<'r> Refused<'r> {
    /// The facts: status, reason code, description and remedy.
    #[must_use]
    pub fn refusal(&self) -> &Refusal<'r> {
        &self.refusal
    }

    /// The id by which callers ask for help, and which the field `MS-RequestId` has.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request_id
    }

    /// The standard body, as JSON.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        self.refusal.body(self.settings, self.request_id)
    }

    /// Whether the request is a gRPC call. Its refusal stands in the header fields, and it has no body.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.grpc.is_some()
    }
}

/// Makes the bodies of refusals.
///
/// The layer adds what a refusal must have, in place of what is there: the status, `WWW-Authenticate`, `Cache-Control`,
/// `Retry-After` and the ids.
///
/// ```
/// use http::Response;
/// use mfa_gateway_layer::{Refuse, Refused};
///
/// #[derive(Clone)]
/// struct Plain;
///
/// impl Refuse<String> for Plain {
///     fn refuse(&self, refused: &Refused<'_>) -> Response<String> {
///         Response::new(format!("{}\n", refused.refusal().remedy()))
///     }
/// }
/// ```
pub trait Refuse<B> {
    /// A response with the body.
    fn refuse(&self, refused: &Refused<'_>) -> Response<B>;
}

/// The gateway's own bodies: JSON in the caller's dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<B: From<Bytes>> Refuse<B> for Json {
    fn refuse(&self, refused: &Refused<'_>) -> Response<B> {
        if refused.is_grpc() {
            return Response::new(Bytes::new().into());
        }
        let mut response = Response::new(Bytes::from(refused.json()).into());
        response.headers_mut().insert(CONTENT_TYPE, refused.refusal.media_type());
        response
    }
}

/// No bodies: for services that speak gRPC alone, whose refusals stand in the header fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl<B: Default> Refuse<B> for Empty {
    fn refuse(&self, _: &Refused<'_>) -> Response<B> {
        Response::new(B::default())
    }
}
