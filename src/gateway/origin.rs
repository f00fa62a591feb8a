//! The origin of a request, as the upstream receives it.
//!
//! The peer of the connection is authoritative, as the PROXY protocol reports it where that is in use. Only if it is a
//! trusted proxy are its forwarding fields believed, and extended; from any other peer such fields are removed with the
//! other guarded ones. No decision reads any of this.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use url::Url;

use super::peer::Peer;
use mfa_gateway_wire::RawFields;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

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

    /// Its fields for the upstream.
    pub(super) fn tell(&self, lines: &mut RawFields) {
        if let Some(chain) = &self.chain {
            lines.push(&FORWARDED_FOR, chain);
        }
        lines.push(&FORWARDED_PROTO, &self.proto);
        if let Some(host) = &self.host {
            lines.push(&FORWARDED_HOST, host);
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
        fields.flat_map(|value| value.split(',')).map(|text| text.trim().parse().ok()).collect();
    let known = parsed.iter().rposition(Option::is_none).map_or(0, |at| at + 1);
    parsed[known..].iter().copied().flatten().collect()
}

/// The field's value, if it occurs exactly once.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
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
            address: format!("{peer}:1").parse().unwrap(),
            forwarded_for: HeaderValue::from_str(peer).ok(),
            untold: false,
            handle: Handle::default(),
            tls: false,
            certificate: None,
            shown: None,
            held: std::sync::Arc::new(()),
        };
        let origin = Origin::of(&peer, request.headers(), &["10.0.0.0/8".parse().unwrap()]);
        let client = origin.client.to_string();
        let (mut lines, mut headers) = (RawFields::default(), HeaderMap::new());
        origin.tell(&mut lines);
        lines.insert_into(&mut headers);
        let value = |name| headers[name].to_str().unwrap().to_owned();
        (client, [&FORWARDED_FOR, &FORWARDED_PROTO, &FORWARDED_HOST].map(value).to_vec())
    }

    #[test]
    fn a_stranger_is_told_nothing_but_itself() {
        let sent = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")];
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
}
