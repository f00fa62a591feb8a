//! What an assembly needs besides the configuration.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::metrics::Metrics;
use crate::consent::TokenMemory;
use crate::events::Revoked;
use crate::exceptions::Exceptions;
use crate::journal::Outputs;
use crate::report::Reader;
use crate::session::Sessions;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::Granted;
use mfa_gateway_core::random::Random;
use mfa_gateway_layer::SeenProofs;
use mfa_gateway_store::{SealingKeys, Store};

/// What doesn't come from the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Ambient {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) metrics: Metrics,
    /// Where journals are written; commands that decide for themselves write none.
    pub(crate) outputs: Option<Outputs>,
    /// Where keys are fetched, if not where this is used.
    pub(crate) fetching: Option<Handle>,
    /// The name of this process among replicas.
    pub(crate) replica: String,
    /// The access tokens of consents.
    pub(crate) token_memory: TokenMemory,
    /// The DPoP proofs that came before.
    pub(crate) seen_proofs: Arc<SeenProofs>,
    /// What nonces of DPoP proofs are made with, where the configuration has no key.
    pub(crate) nonce_keys: SealingKeys,
    /// The store, if the configuration has something to store.
    pub(crate) store: Option<Store>,
    /// Reads the status report, if the configuration has one.
    pub(crate) report: Option<Reader>,
    /// The sessions, if people can sign in.
    pub(crate) sessions: Option<Arc<Sessions>>,
    /// What issuers revoked, if somebody may tell.
    pub(crate) revoked: Option<Arc<Revoked>>,
    /// The exceptions that people ask for, if they may.
    pub(crate) exceptions: Option<Arc<Exceptions>>,
    /// What is granted of them now.
    pub(crate) granted: Granted,
}

impl Ambient {
    /// The system's time and chance, and metrics that nobody reads: for commands.
    pub(crate) fn system() -> Self {
        Self {
            clock: Clock::system(),
            random: Random::system(),
            metrics: Metrics::default(),
            outputs: None,
            fetching: None,
            replica: Random::system().uuid(),
            token_memory: TokenMemory::default(),
            seen_proofs: Arc::default(),
            nonce_keys: SealingKeys::random(),
            store: None,
            report: None,
            sessions: None,
            revoked: None,
            exceptions: None,
            granted: Granted::default(),
        }
    }
}
