//! Access tokens: from the wire to verified claims.
//!
//! A token goes one way: [`Unverified::parse`] takes the compact form apart, [`Unverified::verify`] checks signature,
//! issuer, audience and time, in that order, and only then are there [`Claims`]; [`Principal::classify`] reads from
//! them who the caller is. No library for tokens stands between, whose defaults would have to be known: `aws-lc-rs`
//! verifies the bytes of a signature with a key, and everything else is checked here.
//!
//! The module is pure: no async, no I/O, and time is an argument.

mod algorithm;
mod amr;
mod app_only;
mod claims;
mod compact;
mod error;
mod issuer;
mod json;
mod key;
mod key_set;
mod object;
mod principal;
mod user_claims;
#[cfg(test)]
mod vectors;
mod verify;

pub use algorithm::Algorithm;
pub use amr::Amr;
pub use claims::Claims;
pub use compact::Unverified;
pub use error::{Check, TokenError};
pub use issuer::{Cloud, EntraVersion, IssuerRule, Tenants, is_guid};
pub use key::{Key, KeyError};
pub use key_set::KeySet;
pub use object::Claim;
pub use principal::{App, AppOnlyProof, Principal, User};
pub use verify::{TokenRules, Validity};
