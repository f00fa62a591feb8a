//! Without it a request would have no ids and no account, and a refusal no bytes.

use mfa_gateway::gateway::{Authenticate, Enforce, FindRoute, Limit, Proxy, RateLimit, Sanitize, Shielded};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Shielded, Limit<Sanitize<FindRoute<Authenticate<Enforce<RateLimit<Proxy>>>>>>>();
}
