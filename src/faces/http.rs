//! Questions over HTTP.

use ::http::header::HOST;
use ::http::{HeaderMap, Response};
use http_body::Body as _;
use mfa_gateway_wire::{Body, STAND_IN_HOST};

use super::asked::{Asked, Carrier};
use super::peers::STRANGER;
use super::{Settings, answer, fields};
use crate::gateway::{Arrived, Reason, Stack};

/// Responds to a question. Its body, if it has one, means nothing and is not read.
pub(super) async fn respond(arrived: Arrived, settings: &Settings, mut stack: impl Stack) -> Response<Body> {
    let Arrived { request, peer, busy } = arrived;
    // Without a connection there is nobody who may ask.
    let Some(peer) = peer else { return answer::of(settings, &HeaderMap::new(), Response::new(Body::empty())) };
    // What stands for an unreadable message is refused as that, in the stack.
    if peer.handle.refused().is_some() && request.headers().get(HOST).is_some_and(|host| *host == STAND_IN_HOST) {
        return send(&mut stack, Arrived { request, peer: Some(peer), busy }).await;
    }
    let (head, body) = request.into_parts();
    if !body.is_end_stream() {
        peer.handle.linger();
    }
    let asked =
        if settings.peers.admit(&peer) { fields::read(settings, head, &peer) } else { Err(Reason::Told(&STRANGER)) };
    let asked = asked.and_then(|asked: Asked| asked.request().map_err(Reason::Malformed));
    let told = asked.as_ref().map(|(request, _)| request.headers().clone()).unwrap_or_default();
    let response = send(&mut stack, Carrier { peer, busy }.bring(asked)).await;
    answer::of(settings, &told, response)
}

async fn send(stack: &mut impl Stack, arrived: Arrived) -> Response<Body> {
    let Ok(response) = stack.call(arrived).await;
    response
}
