//! The metrics of sign-ins and sessions.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of all sign-ins.
#[derive(Clone, Debug, Default)]
pub struct SessionMetrics {
    pub(super) begun: Counter,
    pub(super) live: Gauge,
    pub(super) store_failures: Counter,
    ended: Family<EndLabels, Counter>,
    refreshes: Family<ResultLabels, Counter>,
    sign_ins: Family<ResultLabels, Counter>,
    step_ups: Family<ResultLabels, Counter>,
    logouts: Family<LogoutLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LogoutLabels {
    by: &'static str,
}

impl SessionMetrics {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("sessions", "Sessions that this process knows to go on", self.live.clone());
        registry.register("sessions_begun", "Sessions that began", self.begun.clone());
        registry.register("sessions_ended", "Sessions that ended, by reason", self.ended.clone());
        registry.register("session_refreshes", "Refreshes of sessions' tokens, by result", self.refreshes.clone());
        registry.register("sign_ins", "Callbacks of sign-ins that asked for no MFA, by result", self.sign_ins.clone());
        registry.register("step_ups", "Callbacks of sign-ins that asked for MFA, by result", self.step_ups.clone());
        registry.register("logouts", "Sign-outs, and logouts of issuers, by who asked", self.logouts.clone());
        registry.register(
            "session_store_failures",
            "Times that the store of sessions could not be asked for changes",
            self.store_failures.clone(),
        );
    }

    pub(super) fn ended(&self, reason: &'static str, count: usize) {
        if count > 0 {
            self.ended.get_or_create_owned(&EndLabels { reason }).inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn refreshed(&self, result: &'static str) {
        self.refreshes.get_or_create_owned(&ResultLabels { result }).inc();
    }

    pub(super) fn logged_out(&self, by: &'static str) {
        self.logouts.get_or_create_owned(&LogoutLabels { by }).inc();
    }

    pub(super) fn signed_in(&self, result: &'static str, step_up: bool) {
        let family = if step_up { &self.step_ups } else { &self.sign_ins };
        family.get_or_create_owned(&ResultLabels { result }).inc();
    }
}
