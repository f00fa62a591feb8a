//! What the report keeps, and for how long.

use std::time::Duration;

/// What the report keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// What is kept of users' names.
    pub names: Names,
    /// How long days are known.
    pub days: Duration,
    /// How long it is known what users did.
    pub users: Duration,
    /// How long single requests are known.
    pub requests: Duration,
}

/// What is kept of users' names, such as `upn`. The ids of users stay as they are: the report tells users apart by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The names.
    Stored,
    /// Hashes that only this store has.
    Hashed,
    /// Nothing.
    Omitted,
}
