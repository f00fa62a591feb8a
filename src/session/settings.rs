//! The settings of sign-ins, their sessions, and the store.

use std::time::Duration;

use mfa_gateway_core::policy::Product;
use mfa_gateway_core::token::Keep;
use mfa_gateway_store::SealingKeys;
use url::Url;

use super::cookie::CookieName;
use super::transaction::Wanted;
use super::wanted_claims::WantedClaim;
use crate::oidc::{Asks, ClientSettings, TenantEndpoints};

/// A way to sign in: a client of an issuer, for the pages of one origin.
#[derive(Clone, Debug)]
pub struct SignInSettings {
    /// The name that routes refer to.
    pub name: String,
    /// Whether it is for operators, on the admin listener alone.
    pub for_operators: bool,
    /// The issuer of its ID tokens: the place in [`crate::config::Config::issuers`].
    pub issuer: usize,
    /// The product of the issuer.
    pub product: Product,
    /// The origin at which browsers see the gateway, with `/` as its path.
    pub public: Url,
    /// The path of the gateway's own pages, with a slash at either end.
    pub base_path: String,
    /// The path that the issuer redirects to.
    pub callback: String,
    /// The client.
    pub client: ClientSettings,
    /// Where people sign in to a tenant that a page is about; `None` if the issuer's tenants have no endpoints of their own.
    pub tenants: Option<TenantEndpoints>,
    /// What a sign-in asks for, if the page needs no MFA.
    pub asks: Asks,
    /// What a step-up asks for beyond that.
    pub step_up: Asks,
    /// The names of its cookies.
    pub cookie: CookieName,
    /// How long things last.
    pub times: Times,
    /// What upstreams receive of the user besides the identity fields.
    pub display: Display,
    /// What is kept of an ID token, for the rules that judge sessions.
    pub keep: Vec<Keep>,
    /// What its ID tokens should have.
    pub wants: Vec<WantedClaim>,
    /// The keys that seal cookies; random ones if there are none.
    pub keys: Option<SealingKeys>,
    /// Which logouts of the issuer are served.
    pub logout: LogoutSettings,
    /// The operator's own templates: their names and texts.
    pub templates: Vec<(String, String)>,
}

impl SignInSettings {
    /// What the issuer is asked for.
    #[must_use]
    pub fn asks_for(&self, wanted: Wanted, another_account: bool) -> Asks {
        let mut asks = if wanted.mfa { self.step_up.clone() } else { self.asks.clone() };
        if let Some(max_age) = wanted.max_age {
            let max_age = asks.max_age.map_or(max_age, |own| own.min(max_age));
            asks = asks.fresh(Duration::from_secs(max_age), self.product);
        }
        if another_account {
            asks.prompt = Some("select_account".to_owned());
        }
        asks
    }
}

/// The most that [`Times::per_user`] may be.
pub const MAX_PER_USER: u32 = 100;

/// How long sessions and sign-ins last, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long a session may not be used.
    pub idle: Duration,
    /// How long a session lasts at most.
    pub absolute: Duration,
    /// How long a sign-in may take.
    pub transaction: Duration,
    /// How long before they expire tokens are refreshed; `None` if they aren't.
    pub refresh: Option<Duration>,
    /// How many sessions a user may have; `None` if any number.
    pub per_user: Option<u32>,
}

/// What upstreams receive of the user besides the identity fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// The name (`name`).
    pub name: bool,
    /// The mail address (`email`).
    pub email: bool,
}

/// Which logouts of the issuer are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutSettings {
    /// Whether a sign-out ends the issuer's session too (OpenID Connect RP-Initiated Logout 1.0).
    pub of_issuer: bool,
    /// OpenID Connect Back-Channel Logout 1.0.
    pub back_channel: bool,
    /// OpenID Connect Front-Channel Logout 1.0, and Entra's form of it.
    pub front_channel: bool,
}

/// The settings of sessions that all sign-ins share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long sessions go on while the store can't be reached.
    pub outage: Duration,
    /// The shortest idle time of all sign-ins.
    pub shortest_idle: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { outage: Duration::from_secs(600), shortest_idle: Duration::from_secs(1800) }
    }
}
