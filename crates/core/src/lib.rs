//! What mfa-gateway decides by, and nothing else: no I/O, no runtime, no HTTP.
//!
//! | | |
//! |---|---|
//! | [`clock`], [`random`] | time and chance, the two injected seams |
//! | [`json`] | JSON that is written as it goes: for logs and refusals |
//! | [`token`] | an access token: read strictly, verified, and what its claims say |
//! | [`policy`] | the rule: what is required, what a caller showed, and the one function that decides |
//!
//! The modules stand in this order; each imports only those above it.

mod chain;
pub mod clock;
pub mod random;

pub mod json;

pub mod token;

pub mod policy;

pub use chain::chain;
