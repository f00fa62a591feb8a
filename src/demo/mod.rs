//! The demo: an identity provider, a sample partner API, a portal and the gateway between them, in one process.
//!
//! Its people are those of the published requirements. The gateway is the real one, with a configuration that is
//! read from text like any other.

mod calls;
mod configuration;
mod files;
mod nightly;
mod run;
mod script;

pub(crate) use run::{Addresses, run};
