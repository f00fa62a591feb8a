//! The properties of `docs/security.md`, each tried as an attacker would: from outside, through a running gateway, case
//! after case. A test's name begins with its property's number.

mod algorithms;
mod answers;
mod claims;
mod credential;
mod form;
mod headers;
mod hosts;
mod http2;
mod key_material;
mod limits;
mod listed;
mod mfa;
mod operation;
mod paths;
mod probe;
mod target;
mod types;
mod wire;
