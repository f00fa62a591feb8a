//! A permit alone doesn't reach the proxy: its caller may call too often.

use mfa_gateway::gateway::{Authenticated, Enforce, Proxy};
use tower::Service;

fn serves<T, S: Service<T>>() {}

fn main() {
    serves::<Authenticated, Enforce<Proxy>>();
}
