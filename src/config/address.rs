//! A listener's address, from its text to what is used.

use super::problem::Problems;
use crate::server::{Address, PASSED};

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
