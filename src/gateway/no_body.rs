//! Requests that announce no body, and haven't ended yet.
//!
//! Over HTTP/2 the end of a request is a flag, and `content-length: 0` may come without it. The upstream would have the
//! whole request, and could act on it, before data comes that makes it malformed (RFC 9113 section 8.1.1).

use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::Reason;
use mfa_gateway_wire::Body;

const DATA: &str = "The body does not have the announced length of 0 (RFC 9113 section 8.1.1).";

/// Whether a body is announced as empty, and may still turn out not to be.
pub(super) fn is_due(body: &Body) -> bool {
    !body.is_end_stream() && body.size_hint().exact() == Some(0)
}

/// Waits for the end of such a body, for as long as its client may make no progress.
pub(super) async fn wait(body: &mut Body, patience: Duration) -> Result<(), Reason> {
    let mut incoming = std::mem::take(body);
    let empty = async {
        while let Some(frame) = incoming.frame().await {
            let is_data = |data: &bytes::Bytes| !data.is_empty();
            if frame.map_err(|_| Reason::Malformed(DATA))?.data_ref().is_some_and(is_data) {
                return Err(Reason::Malformed(DATA));
            }
        }
        Ok(())
    };
    timeout(patience, empty).await.unwrap_or(Err(Reason::BodyIncomplete))
}
