//! Sockets and timers, which the connections on both sides are made of.
//!
//! [`Socket`] is a TCP connection with or without TLS, or one by a Unix socket. [`proxy_protocol`] reads what may stand in front of its bytes.
//! [`LazyTimer`] and [`WriteTimeout`] keep time.

mod address;
pub mod certificate;
mod eager;
mod lazy_timer;
pub mod proxy_protocol;
mod socket;
mod thread;
mod write_timeout;

pub use address::client_network;
pub use eager::EagerStream;
pub use lazy_timer::LazyTimer;
pub use socket::{KEEPALIVE, KEEPALIVE_INTERVAL, Socket, set_options};
pub use thread::{set_thread, thread};
pub(crate) use write_timeout::WriteTimeout;
