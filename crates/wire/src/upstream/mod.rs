//! The connection to an upstream, under hyper's client.
//!
//! Over HTTP/1.1, hyper's client takes a bare LF for the end of a line, and whatever comes next on a connection for the next response.
//! So [`UpstreamStream`] passes exactly one sound response for each request. Its guard checks a response's head before
//! hyper sees it, and follows the body to its end. A connection on which unsolicited bytes come is closed: they would
//! become the response to another request. [`RequestSlot`] is shared with the code that sends requests.
//!
//! Over HTTP/2, [`FrameStream`] marks trailer sections for h2.

mod frame_stream;
mod guard;
mod interim;
mod large_head;
mod request_slot;
mod response_head;
mod stream;

pub use frame_stream::FrameStream;
pub use request_slot::{Manner, RequestSlot};
pub use stream::UpstreamStream;
