//! Nothing is decided before the caller is known.

use mfa_gateway::gateway::{AuthenticateLayer, EnforceLayer, Proxy, Routed};
use tower::{Layer, Service};

fn serves<S: Service<Routed>>(_: S) {}

fn main() {
    serves(EnforceLayer.layer(AuthenticateLayer.layer(Proxy)));
}
