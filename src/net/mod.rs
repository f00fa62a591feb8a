//! The wire: bodies, header sets, the client connection's stream, and the outbound client for key documents.

mod address;
mod answer;
mod body;
mod bounded;
mod chunked;
mod deadline;
mod eager;
mod fetch;
mod flags;
mod frames;
mod guard;
mod guarded;
mod half_closed;
mod handle;
mod head;
pub(crate) mod headers;
mod idle;
mod lines;
mod pace;
mod patience;
mod present;
pub(crate) mod proxy_protocol;
mod socket;
mod stream;
mod thread;
pub(crate) mod trailers;
mod upload;
mod windows;

pub(crate) use address::client_network;
pub(crate) use answer::{AnswerStream, Turn};
pub use body::Body;
pub(crate) use body::{BoxError, Watch};
pub(crate) use bounded::Exceeded;
pub(crate) use deadline::Deadline;
pub(crate) use eager::Eager;
pub(crate) use fetch::is_loopback;
pub(crate) use fetch::{FetchError, Fetched, Fetcher, MAX_DOCUMENT, Validators};
pub(crate) use guard::{Refused, STAND_IN_HOST, guarded};
pub(crate) use handle::{Busy, ConnectionId, Handle};
pub(crate) use idle::IdleBody;
pub(crate) use lines::Lines;
pub(crate) use present::Present;
pub(crate) use socket::{KEEPALIVE, KEEPALIVE_INTERVAL, Socket, set_options};
pub(crate) use stream::{ClientStream, StreamLimits, Version};
pub(crate) use thread::{set_thread, thread};
pub(crate) use upload::{Upload, UploadFault};

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
