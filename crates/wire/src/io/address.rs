//! What an address says about a client.

use std::net::{IpAddr, Ipv6Addr};

/// What stands for one client: an IPv4 address, or the 64-bit network in which an IPv6 client chooses its addresses.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    // A listener for both families sees IPv4 addresses within IPv6 ones.
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_is_its_network_and_an_ipv4_client_its_address() {
        let network = |text: &str| client_network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:0:1:aaaa::7"), "2001:db8:0:1::");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
