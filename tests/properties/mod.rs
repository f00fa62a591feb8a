//! What must hold for every input, tried on many.

mod fuzzed;
mod headers;
mod parameters;
mod parsers;
mod paths;
mod rule;
mod senders;
mod tokens;

use proptest::test_runner::{Config, TestRunner};

/// A runner for so many cases. What fails is shown shrunk; there are no files of old failures to keep.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(config(cases))
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
