//! What a request costs in process: `cargo bench`, or `cargo bench -- verify` for one group.
//!
//! One binary, because each is linked with the release profile's whole-program optimisation, which takes minutes.

#![expect(clippy::unwrap_used, reason = "a bench that meets the unexpected ends there")]

mod decide;
#[path = "../tests/support/envoy_question.rs"]
mod envoy_question;
mod faces;
mod instructions;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/support/signer.rs"]
mod signer;
mod stack;
mod verify;

use std::env;

use criterion::{Criterion, criterion_group};
use mimalloc::MiMalloc;

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

criterion_group!(
    benches,
    verify::verify,
    decide::decisions,
    decide::routes,
    stack::decisions,
    stack::refusals,
    faces::checks
);

fn main() {
    if env::var_os("COUNT_INSTRUCTIONS").is_some() {
        instructions::count_all();
    } else {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
