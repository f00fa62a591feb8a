//! The sessions of the process, and the doors that lead to them.

use std::sync::Arc;

use anyhow::Context;
use mfa_gateway_core::policy::{IssuerProfile, ToldClaim};
use mfa_gateway_core::token::{ClientTokenRules, MAX_TOKEN_AGE};
use mfa_gateway_keys::{Fetching, KeySource};
use mfa_gateway_layer::ClientVerifier;
use mfa_gateway_store::{Cursor, Kind};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::ambient::Ambient;
use crate::config::{Config, Issuer};
use crate::gateway::Door;
use crate::oidc::Client;
use crate::pages::Pages;
use crate::session::{Display, Sessions, SignIn};

/// How long the start waits for the store. After that, sessions wait for it, and nothing else does.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The sessions of a store, if people can sign in.
///
/// # Errors
///
/// If a store on this machine can't be read. One that is reached over the network may come later.
pub(super) async fn open(config: &Config, ambient: &Ambient) -> anyhow::Result<Option<Arc<Sessions>>> {
    let (Some(settings), Some(place), Some(store)) = (&config.sessions, &config.store, &ambient.store) else {
        return Ok(None);
    };
    // Cookies of a store in memory end with it. Replicas that share a database open each other's.
    let epoch = match place.kind {
        Kind::Postgres(_) => Vec::new(),
        Kind::Memory | Kind::Sqlite { .. } => store.epoch().await.context("the store can't be read")?.to_vec(),
    };
    let sessions =
        Sessions::new(store.clone(), epoch, settings.clone(), ambient.clock.clone(), ambient.metrics.sessions.clone())?;
    Ok(Some(Arc::new(sessions)))
}

/// Reads what is in the store, and keeps it alike from then on.
pub(super) async fn run(sessions: Option<&Arc<Sessions>>, stop: CancellationToken) {
    let Some(sessions) = sessions else { return };
    let mut cursor = Cursor::default();
    if !matches!(timeout(MAX_WAIT, sessions.catch_up(&mut cursor)).await, Ok(Ok(()))) {
        tracing::warn!("the store of sessions can't be reached; pages that need a session get 503 until it can");
    }
    tokio::spawn(Arc::clone(sessions).run(cursor, stop));
}

/// The doors of a configuration; none for commands, which serve nobody.
pub(super) fn doors(config: &Config, ambient: &Ambient, sources: &[Arc<KeySource>]) -> anyhow::Result<Vec<Arc<Door>>> {
    let Some(sessions) = &ambient.sessions else { return Ok(Vec::new()) };
    let fetching = Fetching::new(ambient.fetching.clone());
    let door = |settings: &crate::session::SignInSettings| {
        let name = &settings.name;
        let issuer = &config.issuers[settings.issuer];
        let profile = shown(&issuer.profile, settings.display);
        let verifier = client_verifier(issuer, &settings.client.client_id, &profile, sources, ambient);
        let client = Client::new(settings.client.clone(), ambient.clock.clone(), &fetching)
            .with_context(|| format!("the client of sign-in {name} can't be made"))?;
        let pages = Pages::new(&settings.templates).with_context(|| format!("the pages of sign-in {name}"))?;
        let sign_in = SignIn::new(settings.clone(), verifier, client, Arc::clone(sessions), ambient.clock.clone());
        Ok(Arc::new(Door::new(sign_in, pages)))
    };
    config.sign_ins.iter().map(door).collect()
}

/// What verifies the tokens that an issuer makes for one client.
pub(super) fn client_verifier(
    issuer: &Issuer,
    client_id: &str,
    profile: &Arc<IssuerProfile>,
    sources: &[Arc<KeySource>],
    ambient: &Ambient,
) -> ClientVerifier {
    let rules = ClientTokenRules {
        issuer: issuer.rules.issuer.clone(),
        client_id: client_id.to_owned(),
        // The issuer's own conditions are about access tokens.
        required: Vec::new(),
        algorithms: issuer.rules.algorithms.clone(),
        clock_skew: issuer.rules.clock_skew,
        max_token_age: MAX_TOKEN_AGE,
        auth_time: issuer.rules.auth_time,
    };
    let keys = Arc::clone(&sources[issuer.keys]);
    let revocations = ambient.revoked.as_ref().map(|revoked| revoked.revocations().clone());
    ClientVerifier::new(Arc::new(rules), Arc::clone(profile), keys, ambient.clock.clone()).until_revoked(revocations)
}

/// The issuer's profile, with what upstreams receive of a session's user besides the identity fields.
fn shown(profile: &Arc<IssuerProfile>, display: Display) -> Arc<IssuerProfile> {
    let wanted = [(display.name, "name", "x-auth-request-name"), (display.email, "email", "x-auth-request-email")];
    let claims = wanted.into_iter().filter(|(shown, ..)| *shown);
    let claims: Vec<_> =
        claims.map(|(_, claim, field)| ToldClaim { claim: vec![claim.to_owned()], field: field.to_owned() }).collect();
    if claims.is_empty() {
        return Arc::clone(profile);
    }
    let mut profile = IssuerProfile::clone(profile);
    profile.told.extend(claims);
    Arc::new(profile)
}
