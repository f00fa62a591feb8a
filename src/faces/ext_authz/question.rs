//! Questions: which request Envoy asks about.
//!
//! Its fields come in one of two forms. In `headers`, Envoy has joined the values of a name by commas, and cookies by
//! semicolons. In `header_map` (`encode_raw_headers`), they are as they came, and Envoy leaves `headers` out. A
//! question with both has two accounts of one request, and is refused.

use std::net::{IpAddr, SocketAddr};

use ::http::header::{AUTHORIZATION, COOKIE, HOST};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use mfa_gateway_wire::headers;

use super::messages::{CheckRequest, Header, Http, SocketAddress};
use crate::faces::asked::Asked;
use crate::gateway::{Peer, Reason};

const HTTP: &str = "The question is about no HTTP request: `attributes.request.http` is missing.";
const METHOD: &str = "The question has no `method`.";
const PATH: &str = "The question has no `path`.";
const HOST_OF: &str = "The question has no valid `host`.";
const SCHEME: &str = "The question's `scheme` is not http or https.";
const BESIDE: &str = "The question has a `query` or `fragment` beside its `path`, which holds the whole target.";
const TWO_FORMS: &str = "The question has both `headers` and `header_map`.";
const PSEUDO: &str = "The question has a pseudo-header field that is unknown, doubled, or differs from its attribute.";
const HOSTS: &str = "The question's `host` and its Host field differ.";
const NAME: &str = "A field of the question has no valid name (RFC 9110 section 5.1).";
const VALUE: &str = "A field of the question has no valid value (RFC 9110 section 5.5).";
const CREDENTIALS: &str = "The request has more than one Authorization field (RFC 9110 section 5.3).";
const CLIENT: &str = "The question's `source` has an address that is not an IP address with a port.";

/// Reads a question.
///
/// # Errors
///
/// Why it isn't a question about one request.
pub(super) fn read(question: CheckRequest, peer: &Peer) -> Result<Asked, Reason> {
    let attributes = question.attributes.unwrap_or_default();
    let mut http = attributes.request.and_then(|carried| carried.http).ok_or(Reason::Malformed(HTTP))?;
    let https = check(&http).map_err(Reason::Malformed)?;
    let fields = fields(&mut http)?;
    let address = attributes.source.and_then(|source| source.address?.socket_address);
    let client = address.map_or(Ok(peer.address), |address| client(&address)).map_err(Reason::Malformed)?;
    let host = HeaderValue::from_maybe_shared(http.host).map_err(|_| Reason::Malformed(HOST_OF))?;
    Ok(Asked { method: http.method.to_vec(), target: http.path.to_vec(), host, https, client, fields, again: false })
}

/// Checks the attributes besides the fields, and returns whether the scheme is https.
fn check(http: &Http) -> Result<bool, &'static str> {
    if http.method.is_empty() {
        return Err(METHOD);
    }
    if http.path.is_empty() {
        return Err(PATH);
    }
    if http.host.is_empty() {
        return Err(HOST_OF);
    }
    if !http.query.is_empty() || !http.fragment.is_empty() {
        return Err(BESIDE);
    }
    match &*http.scheme {
        b"https" => Ok(true),
        b"http" => Ok(false),
        _ => Err(SCHEME),
    }
}

/// The fields, from the one form that the question has them in.
fn fields(http: &mut Http) -> Result<HeaderMap, Reason> {
    let joined = std::mem::take(&mut http.headers);
    let raw = http.header_map.take().unwrap_or_default().headers;
    if !joined.is_empty() && !raw.is_empty() {
        return Err(Reason::Malformed(TWO_FORMS));
    }
    let is_joined = raw.is_empty();
    let given = if is_joined { joined } else { raw };
    let mut pseudo = 0;
    let mut fields = HeaderMap::with_capacity(given.len().min(256));
    for Header { key, value, raw_value } in given {
        let value = one_of(value, raw_value).ok_or(Reason::Malformed(VALUE))?;
        if key.starts_with(b":") {
            pseudo = agree(http, &key, &value, pseudo).map_err(Reason::Malformed)?;
            continue;
        }
        let name = HeaderName::from_bytes(&key).map_err(|_| Reason::Malformed(NAME))?;
        if name == HOST {
            if value != http.host {
                return Err(Reason::Malformed(HOSTS));
            }
            continue;
        }
        let value = HeaderValue::from_maybe_shared(value).ok().filter(|value| !headers::is_padded(value));
        let value = value.ok_or(Reason::Malformed(VALUE))?;
        if is_joined && name == AUTHORIZATION && value.as_bytes().contains(&b',') {
            return Err(Reason::Malformed(CREDENTIALS));
        }
        fields.try_append(name, value).map_err(|_| Reason::HeadTooLarge)?;
    }
    join_cookies(&mut fields);
    Ok(fields)
}

/// The value of a field, which stands in one of two places.
fn one_of(value: Bytes, raw: Bytes) -> Option<Bytes> {
    match (value.is_empty(), raw.is_empty()) {
        (_, true) => Some(value),
        (true, false) => Some(raw),
        (false, false) => None,
    }
}

/// Checks a pseudo-header field, which repeats an attribute. `seen` has a bit for each that came before.
fn agree(http: &Http, name: &[u8], value: &Bytes, seen: u8) -> Result<u8, &'static str> {
    let (attribute, bit) = match name {
        b":method" => (&http.method, 1),
        b":path" => (&http.path, 2),
        b":authority" => (&http.host, 4),
        b":scheme" => (&http.scheme, 8),
        _ => return Err(PSEUDO),
    };
    if attribute == value && seen & bit == 0 { Ok(seen | bit) } else { Err(PSEUDO) }
}

/// HTTP/2 clients may split a cookie field, which is one all the same (RFC 9113 section 8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        fields.insert(COOKIE, joined);
    }
}

/// The proxy's own peer.
fn client(address: &SocketAddress) -> Result<SocketAddr, &'static str> {
    let text = std::str::from_utf8(&address.address).map_err(|_| CLIENT)?;
    // A link-local address may name its interface.
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    let address_of: IpAddr = text.parse().map_err(|_| CLIENT)?;
    let port = u16::try_from(address.port_value).map_err(|_| CLIENT)?;
    Ok(SocketAddr::new(address_of, port))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::messages::{Address, Attributes, Carried, HeaderMap as List, Source};
    use super::*;

    type Change = fn(&mut Http);

    fn peer() -> Peer {
        Peer {
            address: ([127, 0, 0, 1], 9).into(),
            forwarded_for: None,
            untold: false,
            handle: mfa_gateway_wire::Handle::default(),
            tls: false,
            certificate: None,
            thumbprint: None,
            names: Vec::new(),
            user: None,
            shown: None,
            held: Arc::new(()),
            carried: None,
        }
    }

    fn joined(name: &'static str, value: &'static str) -> Header {
        Header { key: name.into(), value: value.into(), raw_value: Bytes::new() }
    }

    fn raw(name: &'static str, value: &'static [u8]) -> Header {
        Header { key: name.into(), value: Bytes::new(), raw_value: value.into() }
    }

    fn http(headers: Vec<Header>, list: Vec<Header>) -> Http {
        Http {
            method: "GET".into(),
            path: "/v1/x?y=1".into(),
            host: "api.example".into(),
            scheme: "https".into(),
            headers,
            header_map: Some(List { headers: list }),
            ..Http::default()
        }
    }

    fn asked(http: Http) -> Result<Asked, Reason> {
        let request = Some(Carried { http: Some(http) });
        read(CheckRequest { attributes: Some(Attributes { source: None, request }) }, &peer())
    }

    fn values(asked: &Asked, name: &str) -> Vec<String> {
        asked.fields.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn fields_come_in_one_of_two_forms() {
        let one = asked(http(vec![joined("accept", "a,b"), joined("x", "!")], vec![])).unwrap();
        assert_eq!((values(&one, "accept"), values(&one, "x")), (vec!["a,b".to_owned()], vec!["!".to_owned()]));
        let list = vec![
            raw("accept", b"a"),
            raw("accept", b"b"),
            raw("x", b"\xff"),
            raw("cookie", b"a=1"),
            raw("cookie", b"b"),
        ];
        let other = asked(http(vec![], list)).unwrap();
        assert_eq!(values(&other, "accept"), ["a", "b"]);
        assert_eq!(other.fields.get("x").unwrap().as_bytes(), b"\xff");
        assert_eq!(values(&other, "cookie"), ["a=1; b"]);
        assert!(asked(http(vec![], vec![])).unwrap().fields.is_empty());
        assert_eq!(
            asked(http(vec![joined("a", "b")], vec![raw("a", b"b")])).unwrap_err(),
            Reason::Malformed(TWO_FORMS)
        );
        let both = Header { key: "a".into(), value: "b".into(), raw_value: "c".into() };
        assert_eq!(asked(http(vec![], vec![both])).unwrap_err(), Reason::Malformed(VALUE));
    }

    #[test]
    fn joined_credentials_are_two() {
        let two = asked(http(vec![joined("authorization", "Bearer a,Bearer b")], vec![]));
        assert_eq!(two.unwrap_err(), Reason::Malformed(CREDENTIALS));
        let two =
            asked(http(vec![], vec![raw("authorization", b"Bearer a"), raw("Authorization", b"Bearer b")])).unwrap();
        assert_eq!(values(&two, "authorization").len(), 2);
    }

    #[test]
    fn pseudo_header_fields_agree_with_the_attributes_and_are_no_fields() {
        let all = [(":method", "GET"), (":path", "/v1/x?y=1"), (":authority", "api.example"), (":scheme", "https")];
        let right: Vec<Header> = all.iter().map(|(name, value)| joined(name, value)).collect();
        assert!(asked(http(right.clone(), vec![])).unwrap().fields.is_empty());
        for (at, wrong) in ["POST", "/", "other.example", "http"].into_iter().enumerate() {
            let mut changed = right.clone();
            changed[at].value = wrong.into();
            assert_eq!(asked(http(changed, vec![])).unwrap_err(), Reason::Malformed(PSEUDO), "{wrong}");
        }
        for wrong in
            [vec![raw(":path", b"/v1/x?y=1"), raw(":path", b"/v1/x?y=1")], vec![raw(":protocol", b"websocket")]]
        {
            assert_eq!(asked(http(vec![], wrong)).unwrap_err(), Reason::Malformed(PSEUDO));
        }
        assert!(asked(http(vec![joined("host", "api.example")], vec![])).unwrap().fields.is_empty());
        assert_eq!(asked(http(vec![joined("host", "other")], vec![])).unwrap_err(), Reason::Malformed(HOSTS));
    }

    #[test]
    fn what_is_missing_or_invalid_is_refused() {
        let good = || http(vec![joined("accept", "*/*")], vec![]);
        let cases: [(&str, Change); 14] = [
            (METHOD, |http| http.method = Bytes::new()),
            (PATH, |http| http.path = Bytes::new()),
            (HOST_OF, |http| http.host = Bytes::new()),
            (HOST_OF, |http| http.host = "a\nb".into()),
            (SCHEME, |http| http.scheme = Bytes::new()),
            (SCHEME, |http| http.scheme = "HTTPS".into()),
            (SCHEME, |http| http.scheme = "ftp".into()),
            (BESIDE, |http| http.query = "y=1".into()),
            (BESIDE, |http| http.fragment = "f".into()),
            (NAME, |http| http.headers[0].key = "a b".into()),
            (NAME, |http| http.headers[0].key = Bytes::new()),
            (VALUE, |http| http.headers[0].value = "a\r\nb: c".into()),
            (VALUE, |http| http.headers[0].value = " padded".into()),
            (VALUE, |http| http.headers[0].value = "a\0b".into()),
        ];
        assert!(asked(good()).is_ok());
        for (fault, change) in cases {
            let mut http = good();
            change(&mut http);
            assert_eq!(asked(http).unwrap_err(), Reason::Malformed(fault));
        }
        assert_eq!(read(CheckRequest::default(), &peer()).unwrap_err(), Reason::Malformed(HTTP));
        for target in ["http://other/v1", "v1", "*", "/a b", "/a#b", "//\u{7f}"] {
            let mut http = good();
            http.path = target.into();
            assert!(asked(http).unwrap().request().is_err(), "{target}");
        }
        let many = (0..40_000).map(|at| Header { key: format!("x-{at}").into(), ..joined("", "") }).collect();
        assert_eq!(asked(http(vec![], many)).unwrap_err(), Reason::HeadTooLarge);
    }

    #[test]
    fn the_source_is_the_client() {
        let of = |address: &'static str, port_value| {
            let socket_address = Some(SocketAddress { address: address.into(), port_value });
            let source = Some(Source { address: Some(Address { socket_address }) });
            let request = Some(Carried { http: Some(http(vec![], vec![])) });
            let asked = read(CheckRequest { attributes: Some(Attributes { source, request }) }, &peer());
            asked.map(|asked| asked.client.to_string())
        };
        assert_eq!(of("192.0.2.7", 80).unwrap(), "192.0.2.7:80");
        assert_eq!(of("2001:db8::1", 0).unwrap(), "[2001:db8::1]:0");
        assert_eq!(of("fe80::1%eth0", 1).unwrap(), "[fe80::1]:1");
        for (address, port) in [("", 80), ("client.example", 80), ("192.0.2.7", 65_536), ("192.0.2.7:80", 80)] {
            assert_eq!(of(address, port).unwrap_err(), Reason::Malformed(CLIENT), "{address}");
        }
        assert_eq!(asked(http(vec![], vec![])).unwrap().client, peer().address);
    }
}
