//! The library as a service uses it.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod background;
mod building;
mod examples;
mod permits;
mod readiness;
mod refusals;
mod requirements;
mod support;
