//! Who calls, as far as it decides which connection to the upstream a request gets.

use std::sync::Arc;

use mfa_gateway_core::policy::Proof;
use mfa_gateway_wire::ConnectionId;
use tokio::time::Instant;

/// Who calls.
#[derive(Debug)]
pub(crate) struct Caller<'p> {
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) proof: Option<&'p Arc<Proof>>,
    /// Whether a proxy in front may use the connection for many clients.
    pub(crate) shared: bool,
    /// Whether it is a program with a bearer token. A browser may have been led to a request by another page.
    pub(crate) is_program: bool,
    /// When its request is sent for the first time.
    pub(crate) asks: Instant,
}

/// For whom a connection to the upstream was used last: a client's connection, and the verified token.
#[derive(Debug)]
pub(super) struct User {
    pub(super) connection: Option<ConnectionId>,
    pub(super) proof: Option<Arc<Proof>>,
}

impl Caller<'_> {
    /// The caller, as a connection remembers it.
    pub(super) fn as_user(&self) -> User {
        User { connection: self.connection.clone(), proof: self.proof.cloned() }
    }

    /// Whether the last request of a connection that served this client's connection was this caller's, with this proof.
    pub(super) fn is_same(&self, proof: Option<&Arc<Proof>>) -> bool {
        let same = matches!((proof, self.proof), (Some(one), Some(other)) if Arc::ptr_eq(one, other));
        self.connection.is_some() && self.is_program && same
    }
}
