//! The store as its users see it: one suite for memory, SQLite and Postgres, and what each does in trouble.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod files;
mod outages;
mod places;
mod postgres;
mod replicas;
mod scale;
mod suite;
