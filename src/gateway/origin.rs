//! The origin of a request, as the upstream receives it.
//!
//! The peer of the connection is authoritative, as the PROXY protocol reports it where that is in use. Only if it is a
//! trusted proxy are its forwarding fields believed, and extended; from any other peer such fields are removed with the
//! other guarded ones. No decision reads any of this.

use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use url::Url;

use super::only::only;
use super::peer::Peer;
use mfa_gateway_core::token::Target;
use mfa_gateway_wire::RawFields;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) static FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The client: the peer, or the last address before the trusted proxies.
    pub(super) client: IpAddr,
    /// All addresses on the way, the peer last.
    chain: Option<HeaderValue>,
    proto: HeaderValue,
    /// Whether the peer is a trusted proxy, which may use one connection for many clients.
    pub(super) shared: bool,
    host: Option<HeaderValue>,
    /// The port that the client asked for, and the path that the proxy took off, if the peer is a trusted proxy.
    port: Option<HeaderValue>,
    pub(super) prefix: Option<HeaderValue>,
}

impl Origin {
    /// The origin of a request, read while the fields it may come from are still present.
    pub(super) fn of(peer: &Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let (address, tls) = (peer.address.ip().to_canonical(), peer.tls);
        let mut origin = Self {
            client: nearest(peer, headers, trusted),
            chain: peer.forwarded_for.clone(),
            proto: HeaderValue::from_static(if tls { "https" } else { "http" }),
            shared: false,
            host: headers.get(HOST).cloned(),
            port: None,
            prefix: None,
        };
        if is_believed(peer, trusted) {
            origin.shared = true;
            let before = addresses(headers);
            let chain = before.iter().chain([&address]).map(ToString::to_string);
            origin.chain = HeaderValue::try_from(chain.collect::<Vec<_>>().join(", ")).ok();
            if let Some(proto) = only(headers, &FORWARDED_PROTO).filter(|value| *value == "http" || *value == "https") {
                origin.proto = proto.clone();
            }
            origin.host = only(headers, &FORWARDED_HOST).cloned().or(origin.host);
            origin.port = only(headers, &FORWARDED_PORT).filter(|port| is_port(port.as_bytes())).cloned();
            origin.prefix = only(headers, &FORWARDED_PREFIX).filter(|prefix| is_prefix(prefix.as_bytes())).cloned();
        }
        origin
    }

    /// Whether a page of this origin, as a browser names it, came from where the request goes to.
    pub(super) fn is_of(&self, page: &HeaderValue) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
        let (Some(host), Ok(proto)) = (&self.host, self.proto.to_str()) else { return false };
        let (Ok(host), Ok(page)) = (host.to_str(), page.to_str()) else { return false };
        let own = origin(&[proto, "://", host].concat()).map(|own| own.ascii_serialization());
        own.is_some_and(|own| own == page)
    }

    /// The host that the client asked for.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref()?.to_str().ok()
    }

    /// The address of a request for this path, as its client wrote it: with the path that the proxy took off.
    pub(super) fn target(&self, path: &str) -> Option<Target> {
        let text =
            |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok().map(str::to_owned));
        let prefix = text(&self.prefix).unwrap_or_default();
        let path = [prefix.strip_suffix('/').unwrap_or(&prefix), path].concat();
        Target::new(self.proto.to_str().ok()?, &text(&self.host)?, text(&self.port).as_deref(), &path)
    }

    /// Its fields for the upstream, but for the prefix: a route may add to it.
    pub(super) fn tell(&self, lines: &mut RawFields) {
        if let Some(chain) = &self.chain {
            lines.push(&FORWARDED_FOR, chain);
        }
        lines.push(&FORWARDED_PROTO, &self.proto);
        if let Some(host) = &self.host {
            lines.push(&FORWARDED_HOST, host);
        }
        if let Some(port) = &self.port {
            lines.push(&FORWARDED_PORT, port);
        }
    }
}

/// The peer, or the last address before the trusted proxies.
pub(super) fn nearest(peer: &Peer, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let address = peer.address.ip().to_canonical();
    if !is_believed(peer, trusted) {
        return address;
    }
    let before = addresses(headers);
    before.iter().rfind(|address| !is_trusted(**address, trusted)).or(before.first()).copied().unwrap_or(address)
}

/// Whether the peer is a trusted proxy. The bytes of a connection whose proxy hides its client come from the client,
/// and are not the proxy's statement.
fn is_believed(peer: &Peer, trusted: &[IpNet]) -> bool {
    is_trusted(peer.address.ip().to_canonical(), trusted) && !peer.untold
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The addresses of `X-Forwarded-For` after the last invalid one.
fn addresses(headers: &HeaderMap) -> Vec<IpAddr> {
    let fields = headers.get_all(&FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let parsed: Vec<Option<IpAddr>> =
        fields.flat_map(|value| value.split(',')).map(|text| element(text.trim())).collect();
    let known = parsed.iter().rposition(Option::is_none).map_or(0, |at| at + 1);
    parsed[known..].iter().copied().flatten().collect()
}

/// The address in an element of `X-Forwarded-For`. Some proxies add the client's port, and write an IPv6 address in
/// brackets then; a socket for both kinds of addresses has IPv4 addresses mapped to IPv6.
fn element(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip())),
    };
    address.map(|address| address.to_canonical())
}

fn is_port(value: &[u8]) -> bool {
    let port = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()));
    port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0)
}

/// Whether a value is a path that can stand before others as it is: upstreams build links with it.
fn is_prefix(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let Some(path) = value.strip_prefix(b"/") else { return false };
    let segments = path.strip_suffix(b"/").unwrap_or(path).split(|byte| *byte == b'/');
    path.is_empty()
        || segments.clone().all(|segment| {
            !segment.is_empty() && segment.iter().all(plain) && !segment.iter().all(|byte| *byte == b'.')
        })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use mfa_gateway_wire::{Body, Handle};

    fn told(peer: &str, sent: &[(&str, &str)]) -> (String, Vec<String>) {
        let mut request = Request::builder().header(HOST, "api.example");
        for (name, value) in sent {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let peer = Peer {
            address: SocketAddr::new(peer.parse().unwrap(), 1),
            forwarded_for: HeaderValue::from_str(peer).ok(),
            untold: false,
            handle: Handle::default(),
            tls: false,
            certificate: None,
            thumbprint: None,
            names: Vec::new(),
            user: None,
            shown: None,
            held: std::sync::Arc::new(()),
            carried: None,
        };
        let origin = Origin::of(&peer, request.headers(), &["10.0.0.0/8".parse().unwrap()]);
        let client = origin.client.to_string();
        let (mut lines, mut headers) = (RawFields::default(), HeaderMap::new());
        origin.tell(&mut lines);
        lines.insert_into(&mut headers);
        headers.extend(origin.prefix.map(|prefix| (FORWARDED_PREFIX.clone(), prefix)));
        let known = [&FORWARDED_FOR, &FORWARDED_PROTO, &FORWARDED_HOST, &FORWARDED_PORT, &FORWARDED_PREFIX];
        let values = known.into_iter().filter_map(|name| headers.get(name)?.to_str().ok().map(str::to_owned));
        (client, values.collect())
    }

    #[test]
    fn a_stranger_is_told_nothing_but_itself() {
        let sent = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-prefix", "/api"),
        ];
        assert_eq!(
            told("8.8.8.8", &sent),
            ("8.8.8.8".into(), vec!["8.8.8.8".into(), "http".into(), "api.example".into()])
        );
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_extended() {
        let sent = [("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9"), ("x-forwarded-proto", "https")];
        let (client, fields) = told("10.0.0.1", &sent);
        assert_eq!(client, "1.2.3.4");
        assert_eq!(fields, ["6.6.6.6, 1.2.3.4, 10.0.0.9, 10.0.0.1", "https", "api.example"]);
        let garbage = [("x-forwarded-for", "evil, 1.2.3.4"), ("x-forwarded-proto", "gopher")];
        assert_eq!(told("10.0.0.1", &garbage).1, ["1.2.3.4, 10.0.0.1", "http", "api.example"]);
    }

    #[test]
    fn an_address_is_the_same_in_every_form_that_proxies_write() {
        for (sent, client, chain) in [
            ("1.2.3.4:56789", "1.2.3.4", "1.2.3.4"),
            ("[2001:db8::7]:443", "2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0::7", "2001:db8::7", "2001:db8::7"),
            ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
            ("[::ffff:1.2.3.4]:80", "1.2.3.4", "1.2.3.4"),
            ("6.6.6.6:1, 1.2.3.4:2, 10.0.0.9:3", "1.2.3.4", "6.6.6.6, 1.2.3.4, 10.0.0.9"),
            ("1.2.3.4, ::ffff:10.0.0.9", "1.2.3.4", "1.2.3.4, 10.0.0.9"),
            ("evil, 1.2.3.4:2", "1.2.3.4", "1.2.3.4"),
        ] {
            let (seen, fields) = told("10.0.0.1", &[("x-forwarded-for", sent)]);
            assert_eq!((seen.as_str(), fields[0].as_str()), (client, &*format!("{chain}, 10.0.0.1")), "{sent}");
        }
        for odd in ["1.2.3.4:", "1.2.3.4:x", "1.2.3.4:99999", "[1.2.3.4]", "[1.2.3.4]:1", "[::1", "::1]", "[]", "1.2.3"]
        {
            let (seen, fields) = told("10.0.0.1", &[("x-forwarded-for", odd)]);
            assert_eq!((seen.as_str(), fields[0].as_str()), ("10.0.0.1", "10.0.0.1"), "{odd}");
        }
        assert_eq!(told("::ffff:10.0.0.1", &[("x-forwarded-for", "1.2.3.4")]).0, "1.2.3.4");
        assert_eq!(told("::ffff:8.8.8.8", &[("x-forwarded-for", "1.2.3.4")]).0, "8.8.8.8");
    }

    #[test]
    fn port_and_prefix_of_a_trusted_proxy_are_told_if_they_are_plain() {
        let told = |name, value| told("10.0.0.1", &[(name, value)]).1.into_iter().nth(3);
        for port in ["443", "1", "65535"] {
            assert_eq!(told("x-forwarded-port", port).as_deref(), Some(port));
        }
        for odd in ["", "0", "65536", "+443", "443, 80", "443 ", "https"] {
            assert_eq!(told("x-forwarded-port", odd), None, "{odd}");
        }
        for prefix in ["/", "/api", "/api/", "/a/b-c_d.e~f"] {
            assert_eq!(told("x-forwarded-prefix", prefix).as_deref(), Some(prefix));
        }
        for odd in
            ["", "api", "//evil.example", "/a//b", "/a/../b", "/.", "/a%2f", "/a\\b", "/a b", "/a, /b", "/a?b", "/<"]
        {
            assert_eq!(told("x-forwarded-prefix", odd), None, "{odd}");
        }
    }
}
