//! The `mfa-gateway` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// glibc keeps seven pieces of a size at hand for a thread, and a gateway has as many as requests in flight.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    mfa_gateway::cli::run()
}
