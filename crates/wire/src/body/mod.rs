//! The body of a message, and its limits.
//!
//! [`Body`] is the one type of body. `Body::limit` keeps its length, [`StallTimeout`] its progress; [`check_end`] tells
//! a whole one over HTTP/2 from one that was cut; [`Upload`] shows how far a request's body has come.

mod content;
mod end;
mod limited;
mod stall_timeout;
mod upload;

pub use content::{Body, BoxError, Watch};
pub use end::check_end;
pub use limited::{Exceeded, TooLong};
pub use stall_timeout::StallTimeout;
pub use upload::{Upload, UploadFault};
