//! What others write into `NO_PROXY` and `reqwest` doesn't read: `*.suffix` and `host:port`.
//!
//! `reqwest` reads the rest: names with their subdomains, addresses, networks, and `*`.

use url::{Host, Url};

/// The entries that `reqwest` takes for names that nobody has.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// In lower case, an address without its brackets.
    host: String,
    /// Whether only names below the host are meant.
    below: bool,
    port: Option<u16>,
}

impl NoProxy {
    /// The environment's, in the variables that `reqwest` reads.
    pub(crate) fn from_env() -> Self {
        let value = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| std::env::var(name).ok());
        Self::parse(&value.unwrap_or_default())
    }

    fn parse(list: &str) -> Self {
        Self(list.split(',').filter_map(|entry| Entry::parse(entry.trim())).collect())
    }

    /// Whether an address is fetched from without a proxy.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        let host = match url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_ascii_lowercase(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return false,
        };
        let named = |entry: &Entry| match host.strip_suffix(&entry.host) {
            Some("") => !entry.below,
            // An address has nothing below it.
            Some(more) => more.ends_with('.') && matches!(url.host(), Some(Host::Domain(_))),
            None => false,
        };
        self.0
            .iter()
            .any(|entry| named(entry) && entry.port.is_none_or(|port| url.port_or_known_default() == Some(port)))
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        let (host, port) = match entry.rsplit_once(':') {
            // More colons are those of an address, which has its port behind brackets.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (entry, None),
        };
        let (host, below) = match host.strip_prefix("*.").or_else(|| host.strip_prefix('.')) {
            Some(host) => (host, true),
            None => (host, false),
        };
        let known_to_reqwest = port.is_none() && !entry.starts_with("*.");
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        (!host.is_empty() && !known_to_reqwest).then_some(Self { host, below, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_a_suffix_and_hosts_with_a_port_go_without_a_proxy() {
        let list =
            NoProxy::parse(" *.corp.example , idp.example:8443,.lan.example:443, 10.0.0.1:80 ,[2001:db8::1]:443");
        for inside in [
            "https://idp.corp.example/",
            "https://A.B.CORP.EXAMPLE/",
            "https://idp.corp.example.:1/",
            "https://idp.example:8443/",
            "https://a.idp.example:8443/",
            "https://x.lan.example/",
            "http://10.0.0.1/",
            "https://[2001:db8::1]/",
        ] {
            assert!(list.contains(&Url::parse(inside).unwrap()), "{inside}");
        }
        for outside in [
            "https://corp.example/",
            "https://evilcorp.example/",
            "https://idp.corp.example.evil.example/",
            "https://idp.example/",
            "https://notidp.example:8443/",
            "https://lan.example/",
            "http://x.lan.example/",
            "http://10.0.0.1:8080/",
            "https://[2001:db8::2]/",
        ] {
            assert!(!list.contains(&Url::parse(outside).unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_reqwest_reads_and_what_nobody_can_read_is_left_out() {
        let list = NoProxy::parse("idp.example,.idp.example,10.0.0.0/8,*,2001:db8::1,idp.example:x,:80,*.,,");
        assert_eq!(list.0, []);
    }
}
