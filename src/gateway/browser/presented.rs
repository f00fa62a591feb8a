//! What a session adds to a request on its way in: its evidence, and an end for what stays open.

use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::policy::Evidence;

use super::door::Door;
use crate::session::{Current, SessionId};

/// How often an open `WebSocket` looks whether its session goes on.
const WATCH: Duration = Duration::from_millis(500);

/// The evidence that a session presented, in place of a token.
#[derive(Debug)]
pub(in crate::gateway) struct Presented(pub(in crate::gateway) Evidence);

/// Which kind of credential a request is judged by, for the log.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::gateway) enum CredentialKind {
    /// A token.
    #[default]
    Bearer,
    /// A session, if there is one.
    Session(Option<SessionId>),
}

impl CredentialKind {
    /// The word for it.
    pub(in crate::gateway) fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session(_) => "session",
        }
    }

    /// The session's id.
    pub(in crate::gateway) fn session(self) -> Option<SessionId> {
        match self {
            Self::Bearer => None,
            Self::Session(id) => id,
        }
    }
}

/// What tells a `WebSocket` that its session is over.
#[derive(Debug)]
pub(in crate::gateway) struct SessionWatch {
    door: Arc<Door>,
    session: Current,
}

impl SessionWatch {
    pub(super) fn new(door: Arc<Door>, session: Current) -> Self {
        Self { door, session }
    }

    /// Waits for the session's end.
    pub(in crate::gateway) async fn over(&self) {
        let sign_in = &self.door.sign_in;
        while !sign_in.sessions().is_over(&self.session.record, sign_in.settings().times.idle) {
            tokio::time::sleep(WATCH).await;
        }
    }
}
