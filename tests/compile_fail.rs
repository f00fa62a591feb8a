//! What the types of the pipeline make impossible: a request that reaches the proxy without a decision.

use mfa_gateway::gateway::{Authenticate, AuthenticateLayer, Enforce, EnforceLayer, Proxy, Routed};
use tower::{Layer, Service};

#[test]
fn the_pipeline_can_not_be_put_together_wrongly() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// The right order compiles, so the cases fail for what they show and for nothing else.
#[test]
fn the_right_order_compiles() {
    fn serves<S: Service<Routed>>(stack: S) -> S {
        stack
    }
    let _: Authenticate<Enforce<Proxy>> = serves(AuthenticateLayer.layer(EnforceLayer.layer(Proxy)));
}
