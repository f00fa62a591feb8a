//! The body of a request that the gateway itself responds to.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mfa_gateway_wire::Body;
use tokio::time::timeout;

use super::Reason;

/// A body, whole, within a time and a size.
pub(super) async fn collect(body: Body, patience: Duration, most: usize) -> Result<Bytes, Reason> {
    let whole = timeout(patience, Limited::new(body, most).collect()).await;
    match whole.map_err(|_| Reason::BodyIncomplete)? {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Reason::BodyTooLarge),
        Err(_) => Err(Reason::BodyIncomplete),
    }
}
