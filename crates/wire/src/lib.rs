//! The wire: what passes between a client, the gateway and an upstream, byte by byte.
//!
//! hyper parses and writes the messages. This crate stands around hyper: below it, streams that check each byte before
//! hyper reads it; above it, the bodies and header fields that the layers of the gateway work on.
//!
//! # The path of a byte
//!
//! ```text
//!           client                                             client
//!             |                                                   ^
//!             v  accepted by a listener (src/server)                |
//!       proxy_protocol::read     takes the PROXY head off,        |
//!             |                  if the listener expects one      |
//!             v                                                   |
//!          Socket                plain, or TLS after its       Socket             joins short buffers
//!             |                  handshake (src/server)            ^
//!             v                                                   |
//!       ClientStream             HTTP/1.1: RequestGuard     ClientStream          WriteTimeout
//!             |                  HTTP/2: FlowControl,             ^               HTTP/2: FlowControl
//!             |                  FrameBudget                      |               interim responses of the Handle
//!             v                                                   |
//!       hyper's server                                      hyper's server
//!             |                                                   ^
//!             v                                                   |
//!           Body                 Presence, headers              Body              Presence
//!             |                                                   ^
//!             v                                                   |
//!    layers (src/gateway)        route, authenticate,       layers (src/gateway)  check, render refusals
//!             |                  decide, limit the body           ^
//!             v                                                   |
//!           Body                 LimitedBody, then              Body              StallTimeout,
//!             |                  StallTimeout, which cleans       ^               which cleans trailers
//!             |                  trailers and reports to          |
//!             |                  Upload                           |
//!             v                                                   |
//!       hyper's client           RequestSlot::announce      hyper's client
//!             |                  (src/upstream)                   ^
//!             v                                                   |
//!      UpstreamStream            writes the head from the  UpstreamStream         ResponseGuard; interim responses
//!             |                  slot, with RawFields             ^               go to the client's Handle
//!             v                                                   |
//!   Socket<EagerStream>                                  Socket<EagerStream>
//!             |                                                   ^
//!             v                                                   |
//!          upstream                                            upstream
//! ```
//!
//! The connection to an HTTP/2 upstream has a [`FrameStream`] in place of the [`UpstreamStream`]: frames can't be read in
//! two ways, and only trailer sections are looked at. After an upgrade, bytes pass both streams unchecked, in both directions.
//!
//! # Limits
//!
//! | Limit | Held by | Configuration |
//! |---|---|---|
//! | bytes of a PROXY head | `io::proxy_protocol` | 107 (version 1), 4096 (version 2) |
//! | time until the first head is whole | `src/server/connection.rs`, `src/server/watch.rs` | `timeouts.header` |
//! | bytes of a request's head | `http1::RequestGuard`; over HTTP/2 hyper | `limits.header_bytes` |
//! | header fields of a request | `http1::RequestGuard`; over HTTP/2 `src/gateway/sanitize.rs` | `limits.headers` |
//! | bytes of a target | `src/gateway/route.rs`; `http1::RequestGuard` if it exceeds the head's limit | `limits.url_bytes` |
//! | time without a request | `client::IdleTimeout`; over HTTP/2 `src/server/watch.rs` | `timeouts.idle` |
//! | bytes of a request's body | `body::LimitedBody` | `limits.body_bytes`, a route's `body_bytes` |
//! | time without progress of a request's body | `body::StallTimeout` | `timeouts.body` |
//! | time without progress of a response's body | `body::StallTimeout` | an upstream's `idle_timeout` |
//! | time in which a client takes nothing | `io::WriteTimeout`; also `http2::FlowControl` | `timeouts.body` |
//! | bytes and fields of a trailer section | `fields::trailers`; over HTTP/1.1 also `http1::Chunked` | 8 KiB, 100 |
//! | bytes of a line with a chunk's length | `http1::Chunked` | 256 |
//! | HTTP/2 frames that carry nothing | `http2::FrameBudget` | 2000, and 500 each second |
//! | HTTP/2 streams and their resets | hyper | `limits.streams`, `pending_resets`, `stream_errors` |
//! | interim responses that wait for a client | `client::InterimQueue` | 32 KiB |
//! | time in which nothing is read after a request was turned away | `client::Handle` | 20 to 160 ms |
//! | time and bytes of reading on before a close | `client::Linger` | 2 s, 16 MiB |
//! | time without a byte to a client that closed its half | `client::HalfClosed` | `timeouts.half_closed`; 10 s before its response, if it can't be probed |
//! | bytes of a response's head | `upstream::ResponseGuard` | 64 KiB |
//! | header fields of a response | `upstream::ResponseGuard` | 256; over HTTP/2 only the bytes count |
//! | interim responses to a request | `upstream::ResponseGuard` | 32 |
//!
//! # The folders
//!
//! They stand in this order, and each imports only those before it: `io`, `body`, `fields`, `http1`, `http2`, `client`,
//! `upstream`. No two files import each other.

mod body;
mod client;
mod fields;
mod http1;
mod http2;
mod io;
mod upstream;

pub use body::{Body, BoxError, Exceeded, StallTimeout, TooLong, Upload, UploadFault, Watch, check_end};
pub use client::{Busy, ClientStream, ConnectionId, Handle, StreamLimits, Version};
pub use fields::{Presence, RawFields, headers, trailers};
pub use http1::{QUERY_NOT_ASCII, Refused, STAND_IN_HOST, check_question, guarded};
pub use io::{
    EagerStream, KEEPALIVE, KEEPALIVE_INTERVAL, LazyTimer, Socket, certificate, client_network, proxy_protocol,
    set_options, set_thread, thread,
};
pub use upstream::{FrameStream, Manner, RequestSlot, UpstreamStream};
