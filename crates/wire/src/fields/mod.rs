//! Header and trailer fields.
//!
//! [`headers`] and [`trailers`] remove what stops here, by the names in `identity_names` and what `spellings` takes for
//! them. [`Presence`] is the set of known fields in a message. [`RawFields`] are fields as bytes, and `line` is one of them
//! on its line.

pub mod headers;
mod identity_names;
pub(crate) mod line;
mod presence;
mod raw_fields;
mod spellings;
pub mod trailers;

pub use presence::Presence;
pub use raw_fields::RawFields;
