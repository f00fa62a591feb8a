//! The store as its users see it: one suite for memory, SQLite and Postgres, and what each does in trouble.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

#[macro_use]
mod places;

mod consents;
mod customers;
mod cuts;
mod exceptions;
mod files;
mod outages;
mod postgres;
mod replicas;
mod report;
mod revocations;
mod rollout;
mod scale;
mod suite;
mod sums;
mod vendors;
