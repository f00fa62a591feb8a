//! An issuer's keys over time.
//!
//! Each [`KeySource`] has one task that does all its fetching, so fetches are single by construction and one issuer's
//! trouble never touches another's. Requests read an immutable [`KeySet`] behind a swap and never wait for a lock. A
//! token with an unknown `kid` asks the task for a fetch and waits for it, if one may start now; within
//! [`COOLDOWN`] of the last attempt it is refused at once and the fetch follows when the cooldown ends. So a flood of
//! forged `kid`s costs a few fetches a minute, and a real rotation is learned within seconds even during one.

mod refresh;
mod source;

pub(crate) use source::KeySource;

use std::time::Duration;

/// The least time between two fetches that tokens asked for.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(7);
