//! The properties of `docs/security.md`, each tried as an attacker would: from outside, through a running gateway, case
//! after case. A test's name begins with its property's number.

mod algorithms;
mod claims;
mod credential;
mod form;
mod key_material;
mod mfa;
mod probe;
