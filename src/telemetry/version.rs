//! What this program is.

/// The version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it is built from; `unknown` for a debug build, and where the sources don't tell (`build.rs`).
pub(crate) const COMMIT: &str = env!("MFA_GATEWAY_COMMIT");

/// Both, for people.
pub(crate) const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("MFA_GATEWAY_COMMIT"), ")");
