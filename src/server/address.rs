//! Where connections come from.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The prefix of the name of passed sockets.
pub(crate) const PASSED: &str = "systemd:";

/// The prefix of the path of a Unix socket.
pub(crate) const UNIX: &str = "unix:";

/// Where a listener's connections come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address that the gateway listens on.
    Socket(SocketAddr),
    /// Sockets that the service manager listens on, and passes under this name.
    Passed(String),
    /// The file of a Unix socket that the gateway listens on.
    Unix(PathBuf),
}

impl Address {
    /// The IP address and port, if it is one.
    pub(crate) fn socket(&self) -> Option<SocketAddr> {
        if let Self::Socket(address) = self { Some(*address) } else { None }
    }

    /// Whether only this host can reach it, as far as can be known beforehand.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Socket(address) => address.ip().is_loopback(),
            Self::Passed(_) => false,
            Self::Unix(_) => true,
        }
    }

    /// Whether the two can't be listened on at once: they are the same, or one is all addresses of the other's port.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let (Self::Socket(one), Self::Socket(two)) = (self, other) else { return self == other };
        let covers = |all: &SocketAddr, one: &SocketAddr| {
            all.ip().is_unspecified() && (all.is_ipv6() || all.is_ipv4() == one.is_ipv4())
        };
        one.port() == two.port() && one.port() != 0 && (one == two || covers(one, two) || covers(two, one))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => address.fmt(f),
            Self::Passed(name) => write!(f, "{PASSED}{name}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}
