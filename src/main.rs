//! The `mfa-gateway` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mfa_gateway::cli::run()
}
