//! The permit's one constructor is the gateway's own.

use mfa_gateway::gateway::{Authenticated, Permitted};

fn permitted(authenticated: Authenticated) -> bool {
    Permitted::decide(authenticated, |_, _, _, _| {}).is_ok()
}

fn main() {}
