//! The surroundings of the gateway in its demo and its tests: an identity provider, and a partner API and a
//! portal behind the gateway.
//!
//! Its people are those of the published requirements.

pub mod api;
pub mod people;
pub mod portal;
pub mod provider;
pub mod tenants;
