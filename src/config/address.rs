//! Addresses, from their texts to what is used: those of listeners, and networks.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::problem::Problems;
use crate::server::{Address, PASSED, UNIX};

/// The longest path of a Unix socket (`sun_path` of `unix(7)`, without its end).
const LONGEST_PATH: usize = 107;

/// Reads the address of an authorizer, which may be a Unix socket.
pub(super) fn of_authorizer(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Address> {
    let Some(file) = text.strip_prefix(UNIX) else { return build(path, text, problems) };
    let (is_file, is_short) = (file.starts_with('/') && !file.ends_with('/'), file.len() <= LONGEST_PATH);
    if !is_file || file.contains('\0') {
        let fix = "write its absolute path: `unix:/run/mfa-gateway/authorizer.sock`";
        problems.add(path, "this is not the path of a Unix socket", fix);
    } else if !is_short {
        problems.add(path, "the path of a Unix socket has at most 107 bytes", "choose a shorter one");
    }
    (is_file && is_short).then(|| Address::Unix(file.into()))
}

/// Reads an address.
pub(super) fn build(path: &str, text: &str, problems: &mut Problems<'_>) -> Option<Address> {
    if let Some(name) = text.strip_prefix(PASSED) {
        // What systemd accepts as FileDescriptorName=.
        if name.is_empty() || name.len() > 255 || name.contains(|char: char| char == ':' || char.is_control()) {
            let fix = "write the socket unit's FileDescriptorName=, such as `systemd:traffic`";
            problems.add(path, "this is not a valid name of passed sockets", fix);
            return None;
        }
        return Some(Address::Passed(name.to_owned()));
    }
    let address = text.parse().ok();
    if address.is_none() {
        let (message, fix) = diagnose(text);
        problems.add(path, message, fix);
    }
    address.map(Address::Socket)
}

/// What is wrong with an address, and the fix.
fn diagnose(text: &str) -> (&'static str, String) {
    const MESSAGE: &str = "this is not an IP address and port";
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    match text.rsplit_once(':') {
        _ if text.starts_with(UNIX) => ("only authorizers take Unix sockets", "write `127.0.0.1:8080`".to_owned()),
        Some(("" | "*", port)) if is_port(port) => (
            "the IP address before the port is missing",
            format!("write `0.0.0.0:{port}` for all interfaces, or `\"[::]:{port}\"` for IPv6 too"),
        ),
        Some(("localhost", port)) if is_port(port) => {
            ("this is a host name; an address is needed", format!("write `127.0.0.1:{port}`"))
        }
        None if text.parse::<std::net::IpAddr>().is_ok() => ("the port is missing", format!("write `{text}:8080`")),
        None if is_port(text) => (
            "a port alone is no address",
            format!("write `0.0.0.0:{text}` for all interfaces, `127.0.0.1:{text}` for this machine"),
        ),
        _ => (MESSAGE, "write `127.0.0.1:8080`, `0.0.0.0:8080` or `\"[::]:8080\"`".to_owned()),
    }
}

/// Checks that an address can be listened on besides these.
pub(super) fn check_address(path: &str, address: &Address, taken: &[Address], problems: &mut Problems<'_>) {
    if taken.iter().any(|other| other.excludes(address)) {
        problems.add(path, "another listener already uses this address", "remove one of the two, or change its port");
    }
}

/// A network of IPv4 addresses that are mapped to IPv6 (RFC 4291 section 2.5.5.2), as one of IPv4: every address is
/// compared in that form.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped();
    let plain = address.zip(mapped.prefix_len().checked_sub(96));
    plain.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

pub(super) fn networks(field: &str, files: &[String], problems: &mut Problems<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (at, text) in files.iter().enumerate() {
        if let Ok(network) = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            networks.push(unmapped(network));
        } else {
            let message = format!("`{text}` is not a network");
            problems.add(&format!("{field}[{at}]"), message, "write it in CIDR notation: `10.0.0.0/8` or `fd00::/8`");
        }
    }
    networks
}
