//! Where connections come from.

use std::fmt;
use std::net::SocketAddr;

/// The prefix of the name of passed sockets.
pub(crate) const PASSED: &str = "systemd:";

/// Where a listener's connections come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address that the gateway listens on.
    Socket(SocketAddr),
    /// Sockets that the service manager listens on, and passes under this name.
    Passed(String),
}

impl Address {
    /// Whether only this host can reach it, as far as can be known beforehand.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self, Self::Socket(address) if address.ip().is_loopback())
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
        }
    }
}
