//! What a gateway opens before it serves anything.

use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;

use super::ambient::Ambient;
use super::{events, exceptions, report, sessions, store};
use crate::config::Config;
use crate::journal::Outputs;
use crate::server::Workers;

/// What a gateway with this configuration needs, its store opened.
///
/// # Errors
///
/// If a store on this machine can't be opened or read.
pub(super) async fn open(config: &Config, clock: Clock, random: Random, workers: &Workers) -> anyhow::Result<Ambient> {
    let (outputs, fetching) = (Some(Outputs::default()), workers.fetching());
    let mut ambient = Ambient { clock, random, outputs, fetching, ..Ambient::system() };
    ambient.store = store::open(config, &ambient).await?;
    ambient.report = report::open(config, &ambient);
    ambient.sessions = sessions::open(config, &ambient).await?;
    ambient.revoked = events::open(config, &ambient);
    ambient.exceptions = exceptions::open(config, &ambient);
    Ok(ambient)
}
