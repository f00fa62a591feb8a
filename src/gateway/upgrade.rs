//! Switching protocols: `WebSocket` over HTTP/1.1, and nothing else.
//!
//! Bytes pass unjudged only after the upstream agreed with 101 to exactly what the client asked for. Other upgrades
//! (`h2c` among them) are ignored, as RFC 9110 section 7.8 allows: the request goes on as an ordinary one.

use std::sync::Arc;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::exchange::Peer;
use crate::net::Body;

/// Notes in the request that the client wants a `WebSocket`.
#[derive(Clone, Copy, Debug)]
struct Wanted;

/// Notes whether the request asks for a `WebSocket` (RFC 6455 section 4.1), before its connection fields are removed.
pub(super) fn note(request: &mut Request<Body>) {
    let headers = request.headers();
    let asked = request.version() == Version::HTTP_11
        && request.method() == Method::GET
        && is_websocket(headers)
        && headers.get_all(CONNECTION).iter().any(|value| {
            value.to_str().is_ok_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case("upgrade")))
        })
        && headers.contains_key("sec-websocket-key");
    if asked {
        request.extensions_mut().insert(Wanted);
    }
}

/// Puts the upgrade back into a request that is forwarded, and takes hold of the client's side.
pub(super) fn prepare(request: &mut Request<Body>) -> Option<OnUpgrade> {
    request.extensions_mut().remove::<Wanted>()?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    announce(request.headers_mut());
    Some(upgrade)
}

/// Joins the two sides if the upstream agreed to what was asked; `None` if it switched without being asked, or to
/// something else.
pub(super) fn finish(
    client: Option<OnUpgrade>,
    peer: Option<&Peer>,
    mut response: Response<Body>,
) -> Option<Response<Body>> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Some(response);
    }
    let upstream = response.extensions_mut().remove::<OnUpgrade>()?;
    let client = client.filter(|_| is_websocket(response.headers()))?;
    super::forward::clean_response(response.headers_mut());
    announce(response.headers_mut());
    let held = peer.map(|peer| Arc::clone(&peer.held));
    if let Some(peer) = peer {
        peer.handle.tunnel();
    }
    tokio::spawn(async move {
        let _held = held;
        let Ok((client, upstream)) = tokio::try_join!(client, upstream) else { return };
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut upstream).await {
            tracing::debug!(%error, "a WebSocket ended with an error");
        }
    });
    Some(response)
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let first = upgrades.next();
    upgrades.next().is_none() && first.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn announce(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
