//! The configuration as the gateway uses it: the settings of each component. Nothing in it is left to check.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Admin, Authorizer, Issuer, Warning};
use crate::consent::{Callers, ConsentSettings};
use crate::events::EventSettings;
use crate::exceptions::ExceptionSettings;
use crate::gateway::{self, RateLimitSettings, Refusals, Resource};
use crate::introspection::IntrospectionSettings;
use crate::journal;
use crate::report::{AccountFile, ReportSettings};
use crate::routing::Route;
use crate::server;
use crate::session::{SessionSettings, SignInSettings};
use crate::telemetry::{LogSettings, TraceSettings};
use crate::upstream;
use crate::vendors::VendorSettings;
use mfa_gateway_core::policy::{Delegations, Waivers};
use mfa_gateway_keys::KeySettings;
use mfa_gateway_layer::SenderSettings;
use mfa_gateway_store::{SealingKeys, StoreSettings};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where connections are taken, and what they may do.
    pub server: server::Settings,
    /// Whom proxies ask that carry the requests themselves.
    pub authorizers: Vec<Authorizer>,
    /// The admin listener.
    pub admin: Option<Admin>,
    /// What requests may be, and whom the gateway believes.
    pub gateway: gateway::Settings,
    /// The trusted issuers. Entra's are two each, one per token version.
    pub issuers: Vec<Issuer>,
    /// Where keys come from; issuers refer to them by place.
    pub keys: Vec<KeySettings>,
    /// How people sign in; routes refer to them by place.
    pub sign_ins: Vec<SignInSettings>,
    /// The consents that people may give for programs.
    pub consents: Vec<ConsentSettings>,
    /// The programs that may use them.
    pub consent_callers: Arc<Callers>,
    /// The control panel vendors.
    pub vendors: Arc<[Arc<VendorSettings>]>,
    /// The keys that seal consents; absent if there are none.
    pub consent_keys: Option<SealingKeys>,
    /// The files that sign-ins and consents were read from.
    pub sign_in_files: Vec<PathBuf>,
    /// What all sign-ins share; absent if there is none.
    pub sessions: Option<SessionSettings>,
    /// The status report; absent if nothing is counted.
    pub report: Option<ReportSettings>,
    /// The lists of accounts that the report shows.
    pub account_files: Vec<AccountFile>,
    /// How the issuer of opaque tokens is asked; absent if there are none.
    pub(crate) introspection: Option<IntrospectionSettings>,
    /// Who may tell that tokens and sessions end; absent if nobody may.
    pub(crate) events: Option<EventSettings>,
    /// Where the gateway stores what it must not forget; absent if there is nothing.
    pub store: Option<StoreSettings>,
    /// How senders prove what their tokens are bound to.
    pub senders: SenderSettings,
    /// The nonces that their proofs have to hold; absent if they need none.
    pub dpop_nonces: Option<NonceSettings>,
    /// A token, in bytes.
    pub token_bytes: usize,
    /// How much memory the cache of verified tokens may take, in bytes.
    pub token_cache_bytes: u64,
    /// The upstreams; routes refer to them by place.
    pub upstreams: Vec<upstream::Settings>,
    /// How often callers may call; routes refer to them by place.
    pub rate_limits: Vec<RateLimitSettings>,
    /// What is served.
    pub routes: Vec<Route>,
    /// The protected resources whose metadata is served.
    pub resources: Vec<Resource>,
    /// The technical exceptions, and the stages of activation.
    pub waivers: Waivers,
    /// For which customers partners' users may act.
    pub delegations: Arc<Delegations>,
    /// The exceptions that people ask for; absent if nobody may.
    pub(crate) exception_requests: Option<ExceptionSettings>,
    /// What refusals say beyond the rule.
    pub refusals: Refusals,
    /// How the log is written.
    pub log: LogSettings,
    /// The records of decisions and responses.
    pub journal: journal::Settings,
    /// Where traces go, if requests are traced.
    pub traces: Option<TraceSettings>,
    /// How the gateway ends.
    pub drain: Drain,
    /// The file's content, with variables replaced.
    pub document: serde_json::Value,
    /// The warnings, each with its place and fix.
    pub warnings: Vec<Warning>,
}

/// The nonces of DPoP proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceSettings {
    /// Their keys; one of the process's own if absent.
    pub keys: Option<SealingKeys>,
    /// How long each is the current one.
    pub lifetime: Duration,
}

/// How the gateway ends after SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long requests in flight may go on.
    pub deadline: Duration,
    /// How long new connections are still taken.
    pub delay: Duration,
}
