//! Without it nothing would bound the requests in flight.

use mfa_gateway::gateway::{Authenticate, Enforce, FindRoute, Opened, Proxy, RateLimit, Sanitize};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Opened, Sanitize<FindRoute<Authenticate<Enforce<RateLimit<Proxy>>>>>>();
}
