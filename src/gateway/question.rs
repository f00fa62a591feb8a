//! The question that a request asks, apart from the request.

use std::net::IpAddr;

use http::Method;
use mfa_gateway_layer::Credential;

use super::origin::Origin;

/// The facts that judge a request: what it asks for, who asks, and from where. A forwarded request carries its question
/// in its head; to judge a request that another proxy carries, build one from what that proxy says.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The method.
    pub method: &'q Method,
    /// The `Host` field; empty if there is none.
    pub host: &'q str,
    /// Path and query, as they arrived.
    pub target: &'q str,
    /// The presented credential.
    pub credential: Credential<'q>,
    /// The origin of the request, if it came on a connection.
    pub(crate) origin: Option<&'q Origin>,
}

impl<'q> Question<'q> {
    /// The question of a request that came on no connection.
    #[must_use]
    pub fn new(method: &'q Method, target: &'q str, credential: Credential<'q>) -> Self {
        Self { method, host: "", target, credential, origin: None }
    }

    /// The same, for this host.
    #[must_use]
    pub fn at(self, host: &'q str) -> Self {
        Self { host, ..self }
    }

    /// The client's address, if the request came on a connection.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.origin.map(|origin| origin.client)
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &'q str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }
}
