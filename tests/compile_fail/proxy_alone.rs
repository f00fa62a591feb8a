//! The proxy takes no request that wasn't permitted.

use http::Request;
use mfa_gateway::gateway::{Body, Proxy};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Request<Body>, Proxy>();
}
