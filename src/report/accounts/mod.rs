//! Lists of accounts that an operator exports from the identity provider: which share of the enabled ones has MFA registered.
//!
//! The gateway sees MFA that is performed, and no account that isn't used. So this figure comes from such a list or from
//! nowhere: what a list doesn't say is never guessed. [`AccountList`] is what a list amounts to, and [`read_list`] reads one.

mod file;
mod json;
mod list;
mod registered;
mod table;

pub use file::AccountFile;
pub(crate) use file::{AccountFiles, read_list};
pub(crate) use registered::{AccountList, Part};
