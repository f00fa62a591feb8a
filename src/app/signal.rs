//! The signals that the process acts on, and those that must not end it.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for a signal that ends the process gracefully: SIGTERM, SIGINT or SIGQUIT.
///
/// # Errors
///
/// If the handlers can't be installed.
pub(crate) async fn shutdown_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let signal = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = quit.recv() => "SIGQUIT",
    };
    tracing::info!(signal, "a signal ends the gateway");
    Ok(())
}

/// The signals that a running gateway gets from operators and their tools. Without a handler, each would end it.
#[derive(Debug)]
pub(crate) struct Signals {
    hang_up: Signal,
    reopen: Signal,
    unused: [Signal; 2],
}

impl Signals {
    /// Installs the handlers. They last as long as the process.
    ///
    /// # Errors
    ///
    /// If one can't be installed.
    pub(crate) fn install() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            unused: [signal(SignalKind::user_defined2())?, signal(SignalKind::alarm())?],
        })
    }

    /// Waits for a wish for another configuration and for reopened logs: SIGHUP; or for reopened logs alone: SIGUSR1.
    pub(super) async fn next(&mut self) -> Wanted {
        let [user2, alarm] = &mut self.unused;
        loop {
            let unused = tokio::select! {
                _ = self.hang_up.recv() => return Wanted::Reload,
                _ = self.reopen.recv() => return Wanted::Logs,
                _ = user2.recv() => "SIGUSR2",
                _ = alarm.recv() => "SIGALRM",
            };
            tracing::info!(signal = unused, "the signal has no effect");
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The logs reopened.
    Logs,
    /// The logs reopened, and the configuration reloaded.
    Reload,
}
