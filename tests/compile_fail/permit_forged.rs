//! A permit can't be changed or made by hand.

use mfa_gateway::gateway::Permitted;
use mfa_gateway_core::policy::Grounds;

fn forged(permitted: Permitted) -> Permitted {
    Permitted { grounds: Grounds::Public, ..permitted }
}

fn main() {}
