//! What the types of the pipeline make impossible: a request that reaches the proxy without a decision, or past any other
//! layer.

use mfa_gateway::gateway::{
    Arrived, Authenticate, CatchPanic, Enforce, FindRoute, Limit, Proxy, RateLimit, Render, Sanitize,
};
use tower::Service;

#[test]
#[ignore = "it compiles the dependencies once more, which takes minutes; `./test --all` runs it"]
fn the_pipeline_can_not_be_put_together_wrongly() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// The right order compiles, so the cases fail for what they show and for nothing else.
#[test]
fn the_right_order_compiles() {
    fn serves<T, S: Service<T>>() {}
    serves::<Arrived, CatchPanic<Render<Limit<Sanitize<FindRoute<Authenticate<Enforce<RateLimit<Proxy>>>>>>>>>();
}
