//! What is asked, apart from the request that asks it.

use std::net::IpAddr;

use http::Method;
use mfa_gateway_layer::Credential;

use super::origin::Origin;

/// All that a request is judged by: what is asked for, by whom, and from where. A request that is forwarded carries its
/// question in its head; who judges a request that another proxy carries makes one of what that proxy says.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The method.
    pub method: &'q Method,
    /// Path and query, as they will be forwarded.
    pub target: &'q str,
    /// What is presented.
    pub credential: Credential<'q>,
    /// Where the request comes from, if it came by a connection.
    pub(crate) origin: Option<&'q Origin>,
}

impl<'q> Question<'q> {
    /// A question of a request that no connection brought.
    #[must_use]
    pub fn new(method: &'q Method, target: &'q str, credential: Credential<'q>) -> Self {
        Self { method, target, credential, origin: None }
    }

    /// The client's address, if the request came by a connection.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.origin.map(|origin| origin.client)
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &'q str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }
}
