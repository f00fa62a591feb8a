//! Who may ask an authorizer.

use std::net::IpAddr;

use ::http::StatusCode;
use ipnet::IpNet;

use crate::gateway::{Notice, Peer};

/// The refusal of everybody else.
pub(super) const STRANGER: Notice = Notice {
    status: StatusCode::FORBIDDEN,
    code: "unknown_peer",
    description: "The authorizer answers only the proxies that its configuration names, and this connection is not one's.",
    remedy: "Send the request to the proxy. If this is the proxy, add its address to `peers.addresses` of the authorizer, or \
             the name in its certificate to `peers.certificate_names`; at a Unix socket, the id of its user to `peers.users`.",
};

/// The proxies that may ask. Each is known by its address or by a name in its verified certificate; at a Unix socket, by the
/// user of its process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Their networks.
    pub addresses: Vec<IpNet>,
    /// Names in their certificates: DNS names and URIs.
    pub certificate_names: Vec<String>,
    /// The users of their processes.
    pub users: Vec<u32>,
}

impl Peers {
    /// Whether the peer of a connection may ask. Nothing that it sends counts.
    pub(crate) fn admit(&self, peer: &Peer) -> bool {
        match peer.user {
            Some(user) => self.users.contains(&user),
            None => {
                self.admit_address(peer.address.ip())
                    || self.certificate_names.iter().any(|name| peer.names.contains(name))
            }
        }
    }

    /// Whether its address alone is enough.
    pub(crate) fn admit_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.iter().any(|network| network.contains(&address))
    }
}
