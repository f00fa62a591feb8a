//! Protected resource metadata (RFC 9728): what a client has to know of what the gateway protects. The gateway serves it itself,
//! without a token: clients ask for it because they have none.

use std::sync::Arc;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response};
use mfa_gateway_wire::Body;

/// A protected resource, and where clients find its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The host in its identifier, with its port if it has one.
    pub host: String,
    /// The path of its metadata.
    pub path: String,
    /// The metadata as JSON.
    pub document: Arc<str>,
}

/// The resource whose metadata is at this path. Of several, the one of the first of these hosts. What a client sends chooses
/// among documents, and is never in one.
pub(super) fn find<'r, 'h>(
    resources: &'r [Resource],
    path: &str,
    hosts: impl FnOnce() -> [Option<&'h str>; 2],
) -> Option<&'r Resource> {
    let mut same_path = resources.iter().filter(|resource| resource.path == path);
    same_path.clone().next()?;
    let hosts = hosts();
    let is_asked = |one: &&Resource| hosts.iter().flatten().any(|host| one.host.eq_ignore_ascii_case(host));
    if let Some(resource) = same_path.clone().find(is_asked) {
        return Some(resource);
    }
    // Behind a proxy that changes the host, the path alone tells.
    let (first, second) = (same_path.next(), same_path.next());
    first.filter(|_| second.is_none())
}

impl Resource {
    /// The response with the metadata, or with its head alone.
    pub(super) fn response(&self, head_alone: bool) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        // It is public, and pages look for the issuer, too.
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if head_alone {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(self.document.len()));
        } else {
            *response.body_mut() = Body::full(self.document.as_bytes().to_vec());
        }
        response
    }
}
