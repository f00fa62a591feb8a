//! The listeners and what connections may do, from the file to what is used.

use super::address::{check_address, networks};
use super::limits::{Limits, Timeouts};
use super::problem::Problems;
use super::{address, file, tls};
use crate::server::{ConnectionSettings, Listener, Settings};

/// Builds the server's settings.
pub(super) fn build(file: &file::File, limits: &Limits, timeouts: &Timeouts, problems: &mut Problems<'_>) -> Settings {
    Settings {
        listeners: listeners(file, problems),
        threads: threads(file.threads, problems),
        trusted_proxies: networks("trusted_proxies", &file.trusted_proxies, problems),
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

fn listeners(file: &file::File, problems: &mut Problems<'_>) -> Vec<Listener> {
    let (files, trusts_nobody) = (&file.listeners, file.trusted_proxies.is_empty());
    if files.is_empty() && file.authorizers.is_empty() {
        problems.add("listeners", "there is no listener", "add one: `[{ address: 0.0.0.0:8080 }]`");
    }
    let (mut listeners, mut taken) = (Vec::new(), Vec::new());
    for (at, file) in files.iter().enumerate() {
        let path = format!("listeners[{at}].address");
        let Some(address) = address::build(&path, &file.address, problems) else { continue };
        check_address(&path, &address, &taken, problems);
        taken.push(address.clone());
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
