//! Nothing is decided before the caller is known.

use mfa_gateway::gateway::{Authenticate, Enforce, Proxy, RateLimit, Routed};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Routed, Enforce<Authenticate<RateLimit<Proxy>>>>();
}
