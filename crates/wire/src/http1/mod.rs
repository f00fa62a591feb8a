//! HTTP/1.1, read strictly (RFC 9112).
//!
//! [`RequestGuard`] follows what a client sends, from head to head. `head` and [`Chunked`] read one head and one
//! chunked body; the guard of an upstream's responses uses them as well.

mod chunked;
mod guard;
pub(crate) mod head;
mod request_line;

pub(crate) use chunked::Chunked;
pub use guard::{Refused, STAND_IN_HOST, guarded};
pub(crate) use guard::{RequestGuard, Verdict};
pub use request_line::{QUERY_NOT_ASCII, check_question};
