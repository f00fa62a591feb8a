//! The hosts that routes name, and the name in a request's `Host`.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use url::Host;

/// The hosts that a route is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Every host, also those that no route names: `*`.
    Any,
    /// This host.
    Exact(String),
    /// The hosts below this one: `*.example.com`.
    Below(String),
}

/// Why a text names no hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It has a port.
    #[error("a host has no port here; routes are for all ports")]
    Port,
    /// A wildcard that is not the whole first label.
    #[error("a wildcard stands alone or for the first labels")]
    Wildcard,
    /// It is no host.
    #[error("this is not a host name or an IP address")]
    Invalid,
}

impl HostPattern {
    /// Reads `api.example.com`, `*.example.com`, an IP address or `*`. Names of other scripts become their ASCII form.
    ///
    /// # Errors
    ///
    /// If it is none of them.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(name) = text.strip_prefix("*.") {
            return match host(name)? {
                Host::Domain(name) => Ok(Self::Below(name)),
                _ => Err(HostError::Wildcard),
            };
        }
        host(text).map(|host| Self::Exact(host.to_string()))
    }
}

impl HostPattern {
    /// Whether a host in its canonical form is one of them.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Below(name) => host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

fn host(text: &str) -> Result<Host, HostError> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    if text.contains('*') {
        return Err(HostError::Wildcard);
    }
    if !text.starts_with('[') && text.contains(':') || text.contains("]:") {
        return Err(HostError::Port);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    // The parser would decode it.
    let parsed = Host::parse(name).ok().filter(|_| !name.contains('%')).ok_or(HostError::Invalid)?;
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    match &parsed {
        Host::Domain(name) if !name.split('.').all(is_label) => Err(HostError::Invalid),
        _ => Ok(parsed),
    }
}

/// The name in a valid `Host` field, as routes are compared with it: without port and the root's dot, in lower case; an
/// IPv6 address in its canonical form.
#[must_use]
pub fn canonical_host(field: &str) -> Cow<'_, str> {
    if let Some((address, _)) = field.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match address.parse::<Ipv6Addr>() {
            Ok(parsed) if parsed.to_string() != address => Cow::Owned(format!("[{parsed}]")),
            _ => field.get(..address.len() + 2).map_or(Cow::Borrowed(field), Cow::Borrowed),
        };
    }
    let name = field.split_once(':').map_or(field, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_in_their_canonical_form() {
        for (text, read) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("*.Example.com", "*.example.com"),
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("[2001:DB8::0:1]", "[2001:db8::1]"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("192.0.2.1", "192.0.2.1"),
            ("a_b.example", "a_b.example"),
            ("*", "*"),
        ] {
            assert_eq!(HostPattern::parse(text).map(|pattern| pattern.to_string()).as_deref(), Ok(read), "{text}");
        }
        for (text, error) in [
            ("api.example.com:443", HostError::Port),
            ("[::1]:80", HostError::Port),
            ("a.*.example", HostError::Wildcard),
            ("*example.com", HostError::Wildcard),
            ("*.1.2.3.4", HostError::Wildcard),
            ("", HostError::Invalid),
            ("*.", HostError::Invalid),
            ("a..b", HostError::Invalid),
            ("https://a/", HostError::Port),
            ("a/b", HostError::Invalid),
            ("u@a", HostError::Invalid),
            ("a%2eb", HostError::Invalid),
            ("a b", HostError::Invalid),
        ] {
            assert_eq!(HostPattern::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_field_is_compared_without_port_case_and_the_last_dot() {
        for (field, name) in [
            ("a.example", "a.example"),
            ("A.Example.:8443", "a.example"),
            ("[2001:DB8:0::1]:80", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:80", "127.0.0.1"),
        ] {
            assert_eq!(canonical_host(field), name);
        }
    }
}
