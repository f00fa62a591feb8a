//! Sockets that the service manager opened and passed on (systemd's socket activation, `sd_listen_fds(3)`).
//!
//! They stay open while the gateway is restarted, so that connections wait instead of failing, and they can have ports
//! that the gateway itself may not open.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use listenfd::ListenFd;

/// The passed sockets, each with its name (`FileDescriptorName=`), until a listener takes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PassedSockets(Arc<Mutex<Vec<(String, TcpListener)>>>);

impl PassedSockets {
    /// Takes them over from the environment. To be called once, before there are other threads: what the environment
    /// says of them is removed, so that no child takes them for its own.
    ///
    /// # Errors
    ///
    /// If one is not a TCP socket that can be listened on.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for at in 0..passed.len() {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
            let socket = passed
                .take_tcp_listener(at)
                .with_context(|| format!("the passed socket `{name}` could not be used"))?;
            let Some(socket) = socket else { continue };
            // The runtime waits for sockets by itself.
            socket.set_nonblocking(true).with_context(|| format!("the passed socket `{name}` could not be used"))?;
            sockets.push((name, socket));
        }
        Ok(Self(Arc::new(Mutex::new(sockets))))
    }

    /// Takes all sockets of a name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn take(&self, name: &str) -> anyhow::Result<Vec<TcpListener>> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, left): (Vec<_>, Vec<_>) = sockets.drain(..).partition(|(given, _)| given == name);
        *sockets = left;
        if taken.is_empty() {
            let names: Vec<&str> = sockets.iter().map(|(name, _)| name.as_str()).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            bail!(
                "no socket with the name `{name}` was passed (passed: {there}); check FileDescriptorName= in the \
                 socket unit"
            );
        }
        Ok(taken.into_iter().map(|(_, socket)| socket).collect())
    }

    /// The names of those that nobody took.
    pub(super) fn left(&self) -> Vec<String> {
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.iter().map(|(name, _)| name.clone()).collect()
    }
}
