//! Without it nobody would know who calls.

use mfa_gateway::gateway::{Enforce, Proxy, RateLimit, Routed};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Routed, Enforce<RateLimit<Proxy>>>();
}
