//! Without it a panic would end the connection, and every request on it.

use mfa_gateway::gateway::{Arrived, Authenticate, Enforce, FindRoute, Limit, Proxy, RateLimit, Render, Sanitize};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Arrived, Render<Limit<Sanitize<FindRoute<Authenticate<Enforce<RateLimit<Proxy>>>>>>>>();
}
