//! What the handlers share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use tokio::runtime::Handle;

use super::exposition::Exposition;
use super::readiness::Readiness;
use super::reloads::Reloads;
use super::state::State;
use crate::exceptions::Exceptions;
use crate::gateway::Live;
use crate::report::Reader;
use crate::session::Sessions;
use mfa_gateway_keys::KeySource;
use mfa_gateway_store::Store;

/// The state that the admin listener reports.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) state: Arc<ArcSwap<State>>,
    pub(crate) sources: Arc<ArcSwap<Vec<Arc<KeySource>>>>,
    pub(crate) metrics: Exposition,
    /// Caught panics, of requests as well.
    pub(crate) panics: Counter,
    pub(crate) reloads: Reloads,
    /// The runtime that serves traffic.
    pub(crate) serving: Handle,
    pub(crate) readiness: Arc<Readiness>,
    /// The store, if there is one.
    pub(crate) store: Option<Store>,
    /// Reads the status report, if the configuration has one.
    pub(crate) report: Option<Reader>,
    /// The exceptions that people ask for, if they may.
    pub(crate) exceptions: Option<Arc<Exceptions>>,
    /// The sessions of people, if they can sign in.
    pub(crate) sessions: Option<Arc<Sessions>>,
}
