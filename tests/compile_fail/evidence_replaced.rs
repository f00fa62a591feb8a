//! What authentication found can't be exchanged behind it.

use mfa_gateway::gateway::Authenticated;
use mfa_gateway_core::policy::Evidence;

fn replaced(authenticated: Authenticated, evidence: Evidence) -> Authenticated {
    Authenticated { evidence, ..authenticated }
}

fn main() {}
