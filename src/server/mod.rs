//! The server: listeners, the threads that serve, and each connection from its first byte to its last.

mod accepted;
mod address;
mod admission;
mod connection;
mod idle_connection;
mod listen;
mod listening;
mod metrics;
mod settings;
mod socket_file;
mod tls;
mod watch;
mod workers;

pub use address::Address;
pub use settings::{ConnectionSettings, Listener, Settings};
pub use tls::{ClientCertificates, ServerTls, Tls};

pub(crate) use address::{PASSED, UNIX};
pub(crate) use listen::{Acceptor, Entrance};
pub(crate) use listening::Listening;
pub(crate) use metrics::Metrics;
pub(crate) use socket_file::SocketFileError;
pub(crate) use workers::Workers;
