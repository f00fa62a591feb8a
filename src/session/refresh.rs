//! Refreshing a session's tokens: once for any number of requests, on whichever replica.
//!
//! One task per session does it. Requests wait for it a short while, and go on with what the session has if it takes longer.
//! The winner of several replicas is whoever gets the lease; the others read what it stored. The store takes a refresh only
//! for the generation that it was made from, and never for a session that has ended: a sign-out wins.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mfa_gateway_core::policy::MfaFinding;
use mfa_gateway_core::token::{ExpectedIdToken, IdToken, Occasion};
use mfa_gateway_store::{Lease, Renewal, Session};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::flights::Flight;
use super::record::Record;
use super::secrets::Secrets;
use super::sessions::Whose;
use super::sign_in::SignIn;
use crate::oidc::{Refreshed, TokenEndpointError};

/// How long requests wait for a refresh, from its beginning: an issuer that doesn't respond delays those of one moment alone.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// How long after a failure nobody tries again.
const PAUSE: Duration = Duration::from_secs(20);

/// How long a replica has for one refresh.
const LEASE: Duration = Duration::from_secs(15);

/// What a refresh came to.
enum Outcome {
    Newer(Arc<Record>),
    /// The session is over.
    Ended,
    /// Another time.
    Failed,
}

impl SignIn {
    /// The session's record after a refresh; `None` if there is none yet, or the session goes on with what it has.
    pub(super) async fn refresh(self: &Arc<Self>, record: &Arc<Record>) -> Option<Arc<Record>> {
        let (mut receiver, began) = self.board(record)?;
        let landed = timeout_at(began + MAX_WAIT, receiver.wait_for(Option::is_some)).await;
        landed.ok()?.ok()?.clone()
    }

    /// Joins the refresh that is under way, or begins one.
    fn board(self: &Arc<Self>, record: &Arc<Record>) -> Option<(watch::Receiver<Option<Arc<Record>>>, Instant)> {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.get(&record.id) {
            Some(Flight::UnderWay(receiver, began)) => return Some((receiver.clone(), *began)),
            Some(Flight::Failed(at)) if at.elapsed() < PAUSE => return None,
            _ => {}
        }
        if flights.len() > 10_000 {
            flights.retain(|_, flight| !matches!(flight, Flight::Failed(at) if at.elapsed() >= PAUSE));
        }
        let ((sender, receiver), began) = (watch::channel(None), Instant::now());
        flights.insert(record.id, Flight::UnderWay(receiver.clone(), began));
        let (own, record) = (Arc::clone(self), Arc::clone(record));
        tokio::spawn(async move {
            let outcome = own.fly(&record).await;
            let id = record.id;
            let mut flights = own.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Outcome::Newer(newer) => {
                    own.renew(&newer);
                    own.sessions.metrics.refreshed("ok");
                    flights.remove(&id);
                    sender.send_replace(Some(newer));
                }
                Outcome::Ended => {
                    own.sessions.metrics.refreshed("ended");
                    flights.remove(&id);
                }
                Outcome::Failed => {
                    own.sessions.metrics.refreshed("failed");
                    flights.insert(id, Flight::Failed(Instant::now()));
                }
            }
        });
        Some((receiver, began))
    }

    async fn fly(&self, record: &Record) -> Outcome {
        let store = self.sessions.store();
        let id = record.id.to_string();
        match store.lease(&id, &self.sessions.replica, i64::from(record.generation), LEASE).await {
            Ok(Lease::Granted) => {}
            Ok(Lease::Held | Lease::Renewed(_)) => return self.follow(record).await,
            Ok(Lease::Ended) => {
                self.sessions.table.end(record.id, record.expires);
                return Outcome::Ended;
            }
            Err(_) => return Outcome::Failed,
        }
        let Ok(Some(row)) = store.session(&id).await else { return Outcome::Failed };
        let Some(secrets) = Secrets::open(&row.begun.secret, &self.seals.secrets, &record.id) else {
            return Outcome::Failed;
        };
        let (Some(refresh_token), Some(metadata)) = (&secrets.refresh_token, self.metadata_in(record.tenant).await)
        else {
            return Outcome::Failed;
        };
        match self.client.refresh(&metadata, refresh_token).await {
            Ok(tokens) => self.take(record, &row, secrets, &tokens).await,
            Err(error) => self.explain(record, &row, &error).await,
        }
    }

    /// Verifies what a refresh brought, and stores it.
    async fn take(&self, record: &Record, row: &Session, secrets: Secrets, tokens: &Refreshed) -> Outcome {
        let mut claims = None;
        if let Some(id_token) = &tokens.id_token {
            let (issuer, subject) = (&row.begun.issuer, &row.begun.subject);
            let occasion = Occasion::Refresh { issuer, subject, nonce: secrets.nonce.as_deref() };
            let expected = ExpectedIdToken { occasion, access_token: &tokens.access_token };
            match self.verifier.id_token(id_token, &expected).await {
                Ok(verified) => claims = Some(verified),
                Err(mfa_gateway_layer::ClientVerifyError::KeysUnavailable) => return Outcome::Failed,
                Err(error) => {
                    tracing::warn!(session = %record.id, %error, "a refresh brought an ID token that is not acceptable");
                    self.end(record, "refresh_invalid").await;
                    return Outcome::Ended;
                }
            }
        }
        let secrets = secrets.refreshed(tokens, self.clock.now());
        let Some(newer) = self.refreshed(record, claims.as_ref().map(IdToken::claims), &secrets) else {
            return Outcome::Failed;
        };
        let sealed = secrets.seal(&self.seals.secrets, &record.id);
        let evidence = self.seal_for_store(&newer);
        let mfa = self.prove(Arc::new(newer.clone()), true).is_some_and(|new| new.proof.mfa == MfaFinding::Proven);
        let (id, generation) = (record.id.to_string(), i64::from(record.generation));
        let renewal = Renewal { id: &id, generation, secret: &sealed, evidence: &evidence, mfa };
        // What the issuer gave can't be had again, so that a store that fails a moment is asked once more.
        for pause in [Duration::ZERO, Duration::from_millis(300), Duration::from_secs(2)] {
            sleep(pause).await;
            match self.sessions.store().renew(&renewal).await {
                Ok(true) => return Outcome::Newer(Arc::new(newer)),
                Ok(false) => return self.follow(record).await,
                Err(_) => {}
            }
        }
        Outcome::Failed
    }

    /// What an error of the token endpoint means for the session.
    async fn explain(&self, record: &Record, row: &Session, error: &TokenEndpointError) -> Outcome {
        tracing::warn!(session = %record.id, %error, "a session's tokens could not be refreshed");
        if !error.is_invalid_grant() {
            return Outcome::Failed;
        }
        // Only if the token that was refused is still the one in the store: another replica may have replaced it.
        match self.sessions.store().session(&record.id.to_string()).await {
            Ok(Some(now)) if now.generation == row.generation => {
                self.end(record, "refresh_refused").await;
                Outcome::Ended
            }
            Ok(Some(now)) => self.newer_in(&now, record).map_or(Outcome::Failed, Outcome::Newer),
            _ => Outcome::Failed,
        }
    }

    /// Waits for what another replica stores.
    async fn follow(&self, record: &Record) -> Outcome {
        for _ in 0..20 {
            match self.sessions.store().session(&record.id.to_string()).await {
                Ok(Some(row)) if row.ended.is_some() => {
                    self.sessions.table.end(record.id, record.expires);
                    return Outcome::Ended;
                }
                Ok(Some(row)) => {
                    if let Some(newer) = self.newer_in(&row, record) {
                        return Outcome::Newer(newer);
                    }
                }
                _ => return Outcome::Failed,
            }
            sleep(Duration::from_millis(150)).await;
        }
        Outcome::Failed
    }

    /// Ends a session, here at once.
    pub(super) async fn end(&self, record: &Record, why: &'static str) {
        if self.sessions.end(Whose::Id(record.id), why).await.is_err() {
            tracing::warn!(session = %record.id, why, "the store hears of a session's end later");
        }
    }

    /// The record that a refresh stored, if it is newer.
    pub(super) fn newer_in(&self, row: &Session, record: &Record) -> Option<Arc<Record>> {
        let is_newer = row.generation > i64::from(record.generation);
        is_newer.then(|| self.open_stored(&record.id, &row.begun.evidence).map(Arc::new)).flatten()
    }
}
