//! Notifies the service manager of the gateway's state (`sd_notify(3)`), if one listens.

use sd_notify::NotifyState;

/// The gateway takes traffic. Whether it has every issuer's keys is told by readiness, not here: an issuer that is away
/// must not have the service manager end what serves everybody else.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager could not be notified of a reload"),
    }
}

/// The gateway drains, and ends then.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Reports to the watchdog that the runtime is alive, twice per interval. Ends at once if there is no watchdog.
pub(crate) async fn keep_watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(patience / 2).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager could not be notified");
    }
}
