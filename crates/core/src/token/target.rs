//! The address of a request, as `htu` of a DPoP proof names it: scheme, authority and path, normalised (RFC 3986 section 6.2).

/// The address of a request, as its client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    address: Address,
    /// Another port that the client may have asked for.
    other_port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    scheme: &'static str,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// The address of a request for this path at this host, which may have a port. A proxy may report the port apart from the
    /// host.
    #[must_use]
    pub fn new(scheme: &str, host: &str, reported_port: Option<&str>, path: &str) -> Option<Self> {
        let address =
            Address::parse(&[scheme, "://", host, path].concat()).filter(|_| !host.contains(['/', '?', '#']))?;
        let other_port = reported_port.filter(|_| !has_port(host)).and_then(|port| port.parse().ok());
        Some(Self { address, other_port })
    }

    /// Whether `htu` is this address. Its query and fragment don't count (RFC 9449 section 4.3).
    pub(super) fn is(&self, htu: &str) -> bool {
        let Some(named) = Address::parse(htu) else { return false };
        let own = &self.address;
        (named.scheme, &named.host, &named.path) == (own.scheme, &own.host, &own.path)
            && (named.port == own.port || Some(named.port) == self.other_port)
    }
}

impl Address {
    /// Takes an absolute address apart; `None` if it isn't one of HTTP, or names a user.
    fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, default) = match scheme {
            scheme if scheme.eq_ignore_ascii_case("https") => ("https", 443),
            scheme if scheme.eq_ignore_ascii_case("http") => ("http", 80),
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (host, port) = if has_port(authority) { authority.rsplit_once(':')? } else { (authority, "") };
        if host.is_empty() || host.contains(['@', '%', '\\']) || !port.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let port = if port.is_empty() { default } else { port.parse().ok()? };
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let path = normalised(if path.is_empty() { "/" } else { path })?;
        Some(Self { scheme, host: host.to_ascii_lowercase(), port, path })
    }
}

/// Whether a colon stands behind the host, and not within an IPv6 address.
fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(host, _)| !host.starts_with('[') || host.ends_with(']'))
}

/// A path with unreserved characters decoded, the other escapes in upper case, and no dot segments; `None` if an escape is
/// none.
fn normalised(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len());
    let mut parts = path.split('%');
    decoded += parts.next()?;
    for part in parts {
        let (digits, rest) =
            part.split_at_checked(2).filter(|(digits, _)| digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
        match u8::from_str_radix(digits, 16).ok().map(char::from)? {
            plain if plain.is_ascii_alphanumeric() || matches!(plain, '-' | '.' | '_' | '~') => decoded.push(plain),
            _ => decoded += &["%", &digits.to_ascii_uppercase()].concat(),
        }
        decoded += rest;
    }
    Some(without_dots(&decoded))
}

/// Removes dot segments (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push("");
    }
    ["/", &kept.join("/")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(scheme: &str, host: &str, port: Option<&str>, path: &str) -> Target {
        Target::new(scheme, host, port, path).unwrap()
    }

    #[test]
    fn what_is_the_same_by_rfc_3986_is_the_same_address() {
        let own = target("https", "API.example", None, "/a/b%2Fc/~d");
        for same in [
            "https://api.example/a/b%2Fc/~d",
            "HTTPS://Api.Example:443/a/b%2fc/%7ed",
            "https://api.example:/a/b%2Fc/%7Ed?query#fragment",
            "https://api.example/x/../a/./b%2Fc/~d",
            "https://api.example/%61/b%2Fc/~d?htu=https://evil",
        ] {
            assert!(own.is(same), "{same}");
        }
        assert!(target("http", "h:8080", None, "/").is("http://h:8080"));
        assert!(target("https", "[::1]:8443", None, "/a").is("https://[::1]:8443/a"));
        assert!(target("https", "[2001:DB8::1]", None, "/").is("https://[2001:db8::1]:443/"));
    }

    #[test]
    fn what_differs_is_another_address() {
        let own = target("https", "api.example", None, "/a/b");
        for other in [
            "http://api.example/a/b",
            "https://api.example:8443/a/b",
            "https://api.example:0443x/a/b",
            "https://api.example.evil/a/b",
            "https://api.example@evil/a/b",
            "https://user@api.example/a/b",
            "https://api.example/a/b/",
            "https://api.example/A/b",
            "https://api.example/a%2Fb",
            "https://api.example/a/b/c/..x",
            "https://api.example/a//b",
            "https://api.example\\/a/b",
            "//api.example/a/b",
            "/a/b",
            "api.example/a/b",
            "https:api.example/a/b",
            "https:///a/b",
            "ftp://api.example/a/b",
            "https://api.example/a/b ",
            "https://api.example/a/%",
            "https://api.example/a/%6",
            "https://api.example/a/%zz",
            "https://api.example/a/ü",
            "https://api%2eexample/a/b",
            "",
        ] {
            assert!(!own.is(other), "{other}");
        }
    }

    #[test]
    fn a_port_that_a_proxy_reports_counts_for_a_host_without_one() {
        let own = target("https", "api.example", Some("8443"), "/");
        assert!(
            own.is("https://api.example:8443/") && own.is("https://api.example/") && !own.is("https://api.example:80/")
        );
        let own = target("https", "api.example:9443", Some("8443"), "/");
        assert!(own.is("https://api.example:9443/") && !own.is("https://api.example:8443/"));
        for (host, path) in [("", "/"), ("a/b", "/"), ("a?", "/"), ("u@a", "/"), ("a b", "/"), ("a:x", "/")] {
            assert_eq!(Target::new("https", host, None, path), None, "{host}");
        }
    }

    #[test]
    fn dots_are_removed_as_the_rfc_removes_them() {
        for (path, expected) in [
            ("/a/b/c/./../../g", "/a/g"),
            ("/..", "/"),
            ("/../a", "/a"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/.a/..b", "/.a/..b"),
            ("/%2e%2E/a", "/a"),
        ] {
            assert_eq!(normalised(path).as_deref(), Some(expected), "{path}");
        }
    }
}
