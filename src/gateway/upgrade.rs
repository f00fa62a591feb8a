//! Switching protocols: `WebSocket` over HTTP/1.1, and nothing else.
//!
//! Bytes pass unchecked only after the upstream agreed with 101 to exactly what the client asked for, with nothing beyond
//! the extensions and subprotocols that it offered, and only if the client waited for that. Other upgrades (`h2c` among
//! them) are ignored, as RFC 9110 section 7.8 allows: the request continues as an ordinary request.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::browser::SessionWatch;
use super::expiry::Expiry;
use super::peer::Peer;
use super::{Reason, tunnel};
use mfa_gateway_wire::Body;

/// The suffix that a server appends to the client's key (RFC 6455 section 1.3).
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const EXTENSIONS: &str = "sec-websocket-extensions";
const PROTOCOL: &str = "sec-websocket-protocol";

const HANDSHAKE: &str = "The WebSocket handshake is incomplete or invalid (RFC 6455 section 4.1).";
const TOO_EARLY: &str = "The client sent bytes before the protocol switch was agreed (RFC 9110 section 7.8).";

/// The client's wish for a `WebSocket`, with the `Sec-WebSocket-Accept` that accepts it.
#[derive(Debug)]
pub(super) struct Wanted {
    accept: String,
    asked: Asked,
}

/// The wait for the upstream's agreement. However it ends, the connection is as it was before, or a tunnel.
#[derive(Debug)]
struct Asked(Option<Arc<Peer>>);

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(peer) = &self.0 {
            peer.handle.end_upgrade();
        }
    }
}

/// The `WebSocket` that the request asks for, if any, before its connection fields are removed.
///
/// # Errors
///
/// If it asks, but not as RFC 6455 section 4.1 requires, or in an unknown version (section 4.4).
pub(super) fn wanted(request: &Request<Body>, peer: Option<&Arc<Peer>>) -> Result<Option<Wanted>, Reason> {
    let headers = request.headers();
    let asked = request.version() == Version::HTTP_11 && is_websocket(headers) && names_upgrade(headers);
    if !asked {
        return Ok(None);
    }
    let field = |name| only(headers, name);
    let key = field("sec-websocket-key").filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
    let version = field("sec-websocket-version");
    let plain = request.method() == Method::GET
        && version.is_some()
        && field(CONTENT_LENGTH.as_str()).is_none_or(|length| length == b"0")
        && !headers.contains_key(TRANSFER_ENCODING);
    let (true, Some(key)) = (plain, key) else { return Err(Reason::Malformed(HANDSHAKE)) };
    if version != Some(b"13") {
        return Err(Reason::WebSocketVersion);
    }
    if peer.is_some_and(|peer| !peer.handle.begin_upgrade()) {
        return Err(Reason::Malformed(TOO_EARLY));
    }
    Ok(Some(Wanted { accept: accept(key), asked: Asked(peer.cloned()) }))
}

/// The client's side of a requested upgrade.
#[derive(Debug)]
pub(super) struct Pending {
    client: OnUpgrade,
    accept: String,
    /// The extensions and subprotocols that the client offers.
    extensions: Vec<String>,
    protocols: Vec<String>,
    _asked: Asked,
}

impl Pending {
    /// Whether a response that switches protocols is the one that the client waits for (RFC 6455 section 4.1).
    fn is_answered_by(&self, response: &Response<Body>) -> bool {
        let headers = response.headers();
        let offered = |offers: &[String], names: &[String]| names.iter().all(|name| offers.contains(name));
        response.version() == Version::HTTP_11
            && is_websocket(headers)
            && names_upgrade(headers)
            && only(headers, "sec-websocket-accept") == Some(self.accept.as_bytes())
            && offered(&self.extensions, &extensions(headers))
            && headers.get_all(PROTOCOL).iter().count() <= 1
            && headers.get(PROTOCOL).is_none_or(|chosen| self.protocols.iter().any(|offer| chosen == offer.as_str()))
    }
}

/// Puts the upgrade back into a forwarded request, and takes the client's side.
pub(super) fn prepare(request: &mut Request<Body>, Wanted { accept, asked }: Wanted) -> Option<Pending> {
    let client = request.extensions_mut().remove::<OnUpgrade>()?;
    let headers = request.headers_mut();
    announce(headers);
    let (extensions, protocols) = (extensions(headers), list(headers, PROTOCOL).map(str::to_owned).collect());
    Some(Pending { client, accept, extensions, protocols, _asked: asked })
}

/// Joins the two sides if the upstream, which switches protocols, agreed to the requested protocol.
///
/// # Errors
///
/// If the upstream switched without being asked or to something else, or the client didn't wait.
pub(super) fn finish(
    pending: Option<Pending>,
    peer: Option<&Peer>,
    mut response: Response<Body>,
    (expiry, watch): (Option<Arc<Expiry>>, Option<Box<SessionWatch>>),
) -> Result<Response<Body>, Reason> {
    let upstream = response.extensions_mut().remove::<OnUpgrade>().ok_or(Reason::UnexpectedUpgrade)?;
    let agreed = pending.filter(|pending| pending.is_answered_by(&response));
    let Pending { client, _asked: asked, .. } = agreed.ok_or(Reason::UnexpectedUpgrade)?;
    if peer.is_some_and(|peer| !peer.handle.tunnel()) {
        return Err(Reason::Malformed(TOO_EARLY));
    }
    drop(asked);
    super::forward::clean_response(response.headers_mut());
    announce(response.headers_mut());
    let held = peer.map(|peer| Arc::clone(&peer.held));
    tokio::spawn(async move {
        let _held = held;
        let Ok((client, upstream)) = tokio::try_join!(client, upstream) else { return };
        let tunnel = tunnel::join(TokioIo::new(client), TokioIo::new(upstream));
        let bound = async {
            match expiry {
                Some(expiry) => expiry.bound_tunnel(tunnel).await,
                None => tunnel.await,
            }
        };
        let over = async {
            match &watch {
                Some(watch) => watch.over().await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = bound => ended,
            () = over => {
                tracing::info!("a WebSocket was closed when its session ended");
                Ok(())
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a WebSocket ended with an error");
        }
    });
    Ok(response)
}

/// The `Sec-WebSocket-Accept` for a key (RFC 6455 section 4.2.2). SHA-1 guards nothing here.
fn accept(key: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, KEY_SUFFIX.as_bytes()].concat()))
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let first = upgrades.next();
    upgrades.next().is_none() && first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    list(headers, CONNECTION.as_str()).any(|name| name.eq_ignore_ascii_case("upgrade"))
}

/// The names of the extensions in a handshake (RFC 6455 section 9.1), without their parameters.
fn extensions(headers: &HeaderMap) -> Vec<String> {
    let named = list(headers, EXTENSIONS).map(|extension| extension.split(';').next().unwrap_or_default());
    named.map(|name| name.trim_ascii_end().to_ascii_lowercase()).collect()
}

/// The elements of a list. A value that isn't text is one element, which nothing equals.
fn list<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}"));
    values.flat_map(|value| value.split(',')).map(str::trim_ascii)
}

/// The field's value, if it occurs exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    values.next().filter(|_| values.next().is_none())
}

pub(super) fn announce(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_is_that_of_the_rfc() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_handshake_is_exact_or_refused() {
        let ask = |changes: &[(&'static str, &'static str)]| {
            let mut request = Request::builder()
                .header("connection", "keep-alive, Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .body(Body::empty())
                .unwrap();
            for (name, value) in changes {
                request.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            wanted(&request, None).map(|wanted| wanted.is_some())
        };
        assert_eq!(ask(&[]), Ok(true));
        assert_eq!(ask(&[("upgrade", "h2c")]), Ok(false));
        assert_eq!(ask(&[("connection", "close")]), Ok(false));
        for bad in [("sec-websocket-key", "x"), ("content-length", "5")] {
            assert_eq!(ask(&[bad]), Err(Reason::Malformed(HANDSHAKE)), "{bad:?}");
        }
        assert_eq!(ask(&[("sec-websocket-version", "8")]), Err(Reason::WebSocketVersion));
    }
}
