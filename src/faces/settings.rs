//! What an authorizer is.

use std::fmt;
use std::sync::Arc;

use super::Peers;
use crate::gateway::Assertions;

/// The settings of one authorizer, but for where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// Who asks, and how.
    pub kind: Kind,
    /// Who may ask.
    pub peers: Peers,
    /// Where questions over HTTP are sent: the path, or what stands before it. It begins with a slash and doesn't end with
    /// one.
    pub path: String,
    /// What signs the assertions of its permits, if they have one.
    pub assertion: Option<Arc<Assertions>>,
}

impl Settings {
    /// Whether what comes to this path is a question.
    pub(super) fn is_asked_at(&self, path: &str) -> bool {
        self.kind.is_asked_at(&self.path, path)
    }
}

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Envoy's `ext_authz`, over gRPC.
    Envoy,
    /// The same, over HTTP.
    EnvoyHttp,
    /// nginx's `auth_request`.
    Nginx,
    /// Traefik's `ForwardAuth`, Caddy's `forward_auth`.
    ForwardAuth,
}

impl Kind {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::EnvoyHttp => "envoy-http",
            Self::Nginx => "nginx",
            Self::ForwardAuth => "forward-auth",
        }
    }

    /// Whether what comes to `path` is a question, where `own` is the path of questions.
    pub(crate) fn is_asked_at(self, own: &str, path: &str) -> bool {
        match self {
            Self::Envoy => false,
            Self::EnvoyHttp => path.strip_prefix(own).is_some_and(|rest| rest.starts_with('/')),
            Self::Nginx | Self::ForwardAuth => path == own,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
