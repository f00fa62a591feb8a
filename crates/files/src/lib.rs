//! Files that may hang, or belong to somebody else.
//!
//! An `open` or `read` on a network drive that hangs never returns, and a FIFO without a partner waits for one. So each
//! such call has a thread of its own and a deadline ([`within`]). A call that doesn't return keeps that thread, and
//! later calls on the same path fail at once until it does: a drive that hangs costs one thread per file.
//!
//! A [`PrivateDirectory`] holds what decides whom the gateway believes: it takes nothing that another user could have
//! put there.

mod append;
mod private;
mod read;
mod within;

pub use append::{append_to, can_append_to, is_waiting_for_reader};
pub use private::{PrivateDirectory, TrustError, can_keep};
pub use read::{may_be_directory, read, read_text};
pub use within::{PATIENCE, within};
