//! Without it nobody would know what the request is for.

use mfa_gateway::gateway::{Authenticate, Enforce, Proxy, RateLimit, Sanitized};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Sanitized, Authenticate<Enforce<RateLimit<Proxy>>>>();
}
