//! The proxy takes no request that wasn't permitted.

use http::Request;
use mfa_gateway::gateway::{Body, Proxy};
use tower::Service;

fn main() {
    let _ = Proxy.call(Request::new(Body::empty()));
}
