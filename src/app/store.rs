//! The store of the process. Reloads keep it.

use anyhow::Context;
use mfa_gateway_store::Store;

use super::ambient::Ambient;
use crate::config::Config;

/// Opens the store, if the configuration has something to store.
///
/// # Errors
///
/// If a store on this machine can't be opened. One that is reached over the network may come later.
pub(super) async fn open(config: &Config, ambient: &Ambient) -> anyhow::Result<Option<Store>> {
    let Some(settings) = &config.store else { return Ok(None) };
    let store = Store::open(settings, &ambient.metrics.store).await.context("the store can't be opened")?;
    Ok(Some(store))
}
