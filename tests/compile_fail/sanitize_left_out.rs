//! Without it two servers could read the request differently, and a client could pass for somebody.

use mfa_gateway::gateway::{Admitted, Authenticate, Enforce, FindRoute, Proxy, RateLimit};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Admitted, FindRoute<Authenticate<Enforce<RateLimit<Proxy>>>>>();
}
