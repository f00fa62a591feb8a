//! The listeners and what connections may do, from the file to what is used.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::limits::{Limits, Timeouts};
use super::problem::Problems;
use super::{address, file, tls};
use crate::server::{ConnectionSettings, Listener, Settings};

/// Builds the server's settings.
pub(super) fn build(file: &file::File, limits: &Limits, timeouts: &Timeouts, problems: &mut Problems<'_>) -> Settings {
    Settings {
        listeners: listeners(&file.listeners, file.trusted_proxies.is_empty(), problems),
        threads: threads(file.threads, problems),
        trusted_proxies: networks(&file.trusted_proxies, problems),
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        connection: ConnectionSettings {
            header_bytes: limits.header_bytes,
            headers: limits.headers,
            streams: limits.streams,
            pending_resets: limits.pending_resets,
            stream_errors: limits.stream_errors,
            header_timeout: timeouts.header,
            idle_timeout: timeouts.idle,
            body_timeout: timeouts.body,
            half_closed: timeouts.half_closed,
            age: timeouts.connection_age,
        },
    }
}

fn listeners(files: &[file::Listener], trusts_nobody: bool, problems: &mut Problems<'_>) -> Vec<Listener> {
    if files.is_empty() {
        problems.add("listeners", "there is no listener", "add one: `[{ address: 0.0.0.0:8080 }]`");
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let path = format!("listeners[{at}].address");
        let Some(address) = address::build(&path, &file.address, problems) else { continue };
        if listeners.iter().any(|other| other.address.excludes(&address)) {
            problems.add(
                &path,
                "another listener already uses this address",
                "remove one of the two, or change its port",
            );
        }
        let tls = file.tls.as_ref().and_then(|tls| tls::build(&format!("listeners[{at}].tls"), tls, problems));
        let proxy_protocol = file.proxy_protocol == file::ProxyProtocol::Required;
        if proxy_protocol && trusts_nobody {
            let message = "`trusted_proxies` is empty, so nobody could connect";
            let fix = "list the load balancers that send the PROXY protocol: `trusted_proxies: [10.0.0.0/8]`";
            problems.add(&format!("listeners[{at}].proxy_protocol"), message, fix);
        }
        listeners.push(Listener { address, tls, proxy_protocol });
    }
    listeners
}

fn threads(wanted: Option<u16>, problems: &mut Problems<'_>) -> Option<usize> {
    if wanted.is_some_and(|threads| !(1..=1024).contains(&threads)) {
        let fix = "write a number from 1 to 1024, or remove the field for one thread per core";
        problems.add("threads", "the number of threads is out of range", fix);
    }
    wanted.map(usize::from)
}

/// A network of IPv4 addresses that are mapped to IPv6 (RFC 4291 section 2.5.5.2), as one of IPv4: every address is
/// compared in that form.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let address = mapped.addr().to_ipv4_mapped();
    let plain = address.zip(mapped.prefix_len().checked_sub(96));
    plain.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

fn networks(files: &[String], problems: &mut Problems<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for (at, text) in files.iter().enumerate() {
        if let Ok(network) = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            networks.push(unmapped(network));
        } else {
            let message = format!("`{text}` is not a network");
            problems.add(
                &format!("trusted_proxies[{at}]"),
                message,
                "write it in CIDR notation: `10.0.0.0/8` or `fd00::/8`",
            );
        }
    }
    networks
}
