//! Authentication alone lets nobody through.

use mfa_gateway::gateway::{Authenticate, Proxy, RateLimit, Routed};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Routed, Authenticate<RateLimit<Proxy>>>();
}
