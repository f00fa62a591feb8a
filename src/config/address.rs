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
        let message = "this is not an IP address and port";
        problems.add(path, message, "write `127.0.0.1:8080`, `0.0.0.0:8080` or `\"[::]:8080\"`");
    }
    address.map(Address::Socket)
}
