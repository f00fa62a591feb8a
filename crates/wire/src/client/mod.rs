//! The connection of a client: its stream, under hyper's server, and the handle by which services reach it.
//!
//! [`ClientStream`] is the stream. What a client sends passes its guard (HTTP/1.1) or its flow control (HTTP/2).
//! [`Handle`] is shared with the services: they send interim responses, ask for an upgrade, hold the connection back.

mod half_closed;
mod handle;
mod idle_timeout;
mod interim_queue;
mod linger;
mod states;
mod stream;
#[cfg(test)]
mod tests;

pub use handle::{Busy, ConnectionId, Handle};
pub use stream::{ClientStream, StreamLimits, Version};
