//! Authentication alone lets nobody through.

use mfa_gateway::gateway::{AuthenticateLayer, Proxy, Routed};
use tower::{Layer, Service};

fn serves<S: Service<Routed>>(_: S) {}

fn main() {
    serves(AuthenticateLayer.layer(Proxy));
}
