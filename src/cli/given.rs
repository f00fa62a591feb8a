//! What the arguments of several commands have in common.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where the packages, the container and the service have the configuration. Nothing is looked for elsewhere: a file that
/// happens to lie in the current folder must not decide who passes.
pub(super) const DEFAULT_CONFIG: &str = "/etc/mfa-gateway/gateway.yaml";

/// Reads the variable of a flag. An empty one counts as none, as Compose and shells give it.
pub(super) fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("this is neither yes nor no; write 1 or 0, true or false, yes or no, on or off"),
    }
}

/// Where this host reaches an address that a gateway listens on.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
