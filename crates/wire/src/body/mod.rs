//! The body of a message, and its limits.
//!
//! [`Body`] is the one type of body. `Body::limit` keeps its length, [`StallTimeout`] its progress; [`Upload`] shows
//! how far a request's body has come.

mod content;
mod limited;
mod stall_timeout;
mod upload;

pub use content::{Body, BoxError, Watch};
pub use limited::{Exceeded, TooLong};
pub use stall_timeout::StallTimeout;
pub use upload::{Upload, UploadFault};
