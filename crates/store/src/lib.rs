//! What the gateway must not forget: sessions and their ends, in memory, SQLite or Postgres.
//!
//! | | |
//! |---|---|
//! | [`SealingKeys`], [`Sealer`] | what leaves the process, sealed |

mod random;
mod sealing_keys;

mod seal;

pub use seal::{OVERHEAD, Sealer};
pub use sealing_keys::{KEY_COMMAND, KeyError, SealingKeys};
