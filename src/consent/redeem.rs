//! From a consent to an access token.
//!
//! The first to ask uses the refresh token; the others wait and take what came. Between replicas, the store's lease decides.
//! An issuer gives a token once, so nobody who goes away stops the way from the issuer into the store. A refresh
//! token that the store can't take stays in memory and is stored first the next time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mfa_gateway_store::{Consent, ConsentLease, ConsentMark, ConsentRenewal, Envelope};
use tokio::time::sleep;

use super::failure::{Failure, Reach};
use super::issued::{Issued, TokenError, Wanted};
use super::keeper::{Keeper, Owed};
use super::memory::Place;
use super::state::ConsentState;
use crate::oidc::{Refreshed, TokenEndpointError};

/// How long an access token is taken to last whose life the issuer doesn't tell.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// How much longer than one request to the issuer a lease lasts.
const BEYOND: Duration = Duration::from_secs(10);

/// The pause before another replica's result is looked for, and how often.
const PAUSE: Duration = Duration::from_millis(200);
const ROUNDS: u32 = 40;

/// Why a consent isn't used: the issuer may have seen its refresh token, and takes one that comes twice for stolen.
const ABANDONED: &str = "abandoned";

/// How one attempt ends.
enum Attempt {
    /// With a token.
    Token(Arc<Issued>),
    /// Another replica was at it, or another refresh token has taken the place of the one that was read.
    Again,
}

impl Keeper {
    /// An access token that lasts a while.
    ///
    /// # Errors
    ///
    /// If there is none; [`TokenError`] says why, and what to do.
    pub async fn token(self: &Arc<Self>, wanted: &Wanted) -> Result<Arc<Issued>, TokenError> {
        let result = self.find(wanted).await;
        self.metrics.used(&self.settings.name, result.as_ref().map_or_else(TokenError::code, |_| "ok"));
        result
    }

    async fn find(self: &Arc<Self>, wanted: &Wanted) -> Result<Arc<Issued>, TokenError> {
        let place = self.place(wanted)?;
        if let Some(issued) = self.fresh(&place) {
            return Ok(issued);
        }
        if let Some(refused) = self.memory.refusal(&place) {
            return Err(refused);
        }
        self.fetch(place, false).await
    }

    /// Uses the refresh token now, whatever is kept: to see whether it works.
    ///
    /// # Errors
    ///
    /// If it doesn't.
    pub async fn try_it(self: &Arc<Self>) -> Result<Arc<Issued>, TokenError> {
        let place = self.place(&Wanted::default())?;
        self.fetch(place, true).await
    }

    fn place(&self, wanted: &Wanted) -> Result<Place, TokenError> {
        let scope = wanted.scope.as_deref().or(self.settings.scope.as_deref()).ok_or(TokenError::NoScope)?;
        let tenant = wanted.tenant.as_deref().or(self.settings.tenant.as_deref());
        Ok(self.memory.place(tenant, scope))
    }

    /// The kept token, if it lasts a while.
    fn fresh(&self, place: &Place) -> Option<Arc<Issued>> {
        let issued = self.memory.token(place)?;
        (self.clock.now().plus(self.settings.margin) < issued.expires).then_some(issued)
    }

    async fn fetch(self: &Arc<Self>, place: Place, anew: bool) -> Result<Arc<Issued>, TokenError> {
        let own = Arc::clone(self);
        let fetching = tokio::spawn(async move { own.take_turns(&place, anew).await });
        fetching.await.unwrap_or_else(|_| Err(TokenError::Issuer("the attempt broke off".to_owned())))
    }

    async fn take_turns(&self, place: &Place, anew: bool) -> Result<Arc<Issued>, TokenError> {
        let _turn = self.turn.lock().await;
        if let Some(issued) = self.fresh(place).filter(|_| !anew) {
            return Ok(issued);
        }
        for _ in 0..ROUNDS {
            match self.attempt(place, anew).await? {
                Attempt::Token(issued) => return Ok(issued),
                Attempt::Again => sleep(PAUSE).await,
            }
        }
        Err(TokenError::Issuer("another replica is at it".to_owned()))
    }

    async fn attempt(&self, place: &Place, anew: bool) -> Result<Attempt, TokenError> {
        let name = &self.settings.name;
        let row = self.store.consent(name).await.map_err(|_| TokenError::Store)?;
        let row = row.ok_or(TokenError::Consent(ConsentState::Absent))?;
        if row.envelope.secret.is_empty() {
            return Err(TokenError::Consent(ConsentState::Withdrawn));
        }
        if self.pay(row.generation).await? {
            return Ok(Attempt::Again);
        }
        let state = ConsentState::named(&row.state);
        // What may have been seen by an issuer that forbids a second time goes out no more, even for a try.
        if !state.is_worth_a_try() && (!anew || row.why == ABANDONED) {
            return Err(TokenError::Consent(state));
        }
        let metadata = self.verifier.keys().metadata_for_sign_in().await;
        let metadata = metadata.ok_or_else(|| TokenError::Issuer("no discovery document".to_owned()))?;
        let metadata = self.settings.metadata_for(place.0.as_deref(), &metadata).ok_or(TokenError::NoSuchTenant)?;
        let sealed = || TokenError::Sealed(row.envelope.key_id());
        let token = row.envelope.open(&self.seals.records, &row.context()).ok_or_else(sealed)?;
        let token = String::from_utf8(token.to_vec()).map_err(|_| sealed())?;
        let lease = self.settings.client.timeout + BEYOND;
        let abandoned = match self.store.lease_consent(name, &self.replica, row.generation, lease).await {
            Ok(ConsentLease::Granted { abandoned }) => {
                abandoned || self.unanswered.load(Ordering::Relaxed) == row.generation
            }
            Ok(ConsentLease::Held | ConsentLease::Renewed(_)) => return Ok(Attempt::Again),
            Ok(ConsentLease::Gone) => return Err(TokenError::Consent(ConsentState::Withdrawn)),
            Err(_) => return Err(TokenError::Store),
        };
        if abandoned && self.settings.single_use {
            return self.mark(&row, place, ConsentState::Reconsent, ABANDONED, "").await;
        }
        match self.client.refresh_for(&metadata, &token, &[("scope", &place.1)]).await {
            Ok(tokens) => Ok(Attempt::Token(self.take(&row, place, tokens).await)),
            Err(error) => self.explain(&row, place, &error).await,
        }
    }

    /// Stores a refresh token that is owed; whether that changed what is stored.
    async fn pay(&self, generation: i64) -> Result<bool, TokenError> {
        let owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(owed) = owed else { return Ok(false) };
        // Somebody consented again, or withdrew: the older one's successor has no place any more.
        let is_due = owed.generation == generation;
        if is_due {
            self.store_next(&owed).await.map_err(|_| TokenError::Store)?;
        }
        *self.owed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(is_due)
    }

    async fn store_next(&self, owed: &Owed) -> Result<bool, mfa_gateway_store::StoreError> {
        let Owed { generation, envelope, mfa, state, at } = owed;
        let (id, state) = (self.settings.name.as_str(), state.code());
        let renewal = ConsentRenewal { id, generation: *generation, envelope, mfa: *mfa, state, at: *at };
        self.store.renew_consent(&renewal).await
    }

    /// Takes what the issuer gave.
    async fn take(&self, row: &Consent, place: &Place, tokens: Refreshed) -> Arc<Issued> {
        let now = self.clock.now();
        let expires = now.plus(tokens.expires_in.unwrap_or(USUAL_LIFE));
        let rule = &self.verifier.profile().mfa;
        let issued = Arc::new(Issued::of(&tokens.access_token, expires, rule, tokens.request_id));
        let is_home = place.0.as_deref().is_none_or(|tenant| self.settings.is_home(tenant));
        // MFA in a customer's tenant says nothing of the consent in the partner's.
        let (mfa, state) = match issued.mfa.filter(|_| is_home) {
            Some(true) => (true, ConsentState::Alive),
            Some(false) => (false, ConsentState::NoMfa),
            None => (row.mfa, if row.mfa { ConsentState::Alive } else { ConsentState::named(&row.state) }),
        };
        let next = tokens.refresh_token.as_deref().map(str::as_bytes);
        let is_kept = if let Some(token) = next {
            let envelope = Envelope::seal(&self.seals.records, &row.context(), token);
            self.keep_next(Owed { generation: row.generation, envelope, mfa, state, at: now.as_secs() }).await
        } else {
            self.note(row, state).await;
            true
        };
        self.metrics.state(&self.settings.name, state, Some(now.plus(self.settings.lapses).as_secs()));
        // Of a consent that was withdrawn meanwhile, or given again, nothing is kept.
        if is_kept {
            self.memory.keep(place, &issued);
        }
        issued
    }

    /// Stores the next refresh token, or keeps it in memory. False if another one, or none, has taken its place by now.
    async fn keep_next(&self, owed: Owed) -> bool {
        for pause in [Duration::ZERO, Duration::from_millis(300), Duration::from_secs(2)] {
            sleep(pause).await;
            if let Ok(is_kept) = self.store_next(&owed).await {
                return is_kept;
            }
        }
        let consent = &self.settings.name;
        tracing::error!(
            consent,
            "the store can't take a refresh token; it is in memory, and lost if this process ends"
        );
        *self.owed.lock().unwrap_or_else(PoisonError::into_inner) = Some(owed);
        true
    }

    /// Notes that the refresh token works, where the issuer gave no other.
    async fn note(&self, row: &Consent, state: ConsentState) {
        if row.state != state.code() {
            let (id, at) = (self.settings.name.as_str(), self.clock.now().as_secs());
            let mark = ConsentMark { id, generation: row.generation, state: state.code(), why: "", challenge: "", at };
            // The next use finds out the same.
            let _ = self.store.mark_consent(&mark).await;
        }
        self.release().await;
    }

    async fn release(&self) {
        // A lease that isn't given back ends by itself.
        let _ = self.store.release_consent(&self.settings.name, &self.replica).await;
    }

    /// What an error of the token endpoint means.
    async fn explain(&self, row: &Consent, place: &Place, error: &TokenEndpointError) -> Result<Attempt, TokenError> {
        let is_home = place.0.as_deref().is_none_or(|tenant| self.settings.is_home(tenant));
        let failure = Failure::of(error);
        let failure = if is_home { failure } else { failure.elsewhere() };
        tracing::warn!(
            consent = self.settings.name,
            tenant = place.0.as_deref(),
            %error,
            trace_id = error.trace.as_ref().map(|trace| &*trace.trace_id),
            correlation_id = error.trace.as_ref().map(|trace| &*trace.correlation_id),
            "a consent's refresh token could not be used"
        );
        let told = error.code.clone().unwrap_or_else(|| "no answer".to_owned());
        match failure.reach {
            Reach::Consent => {
                self.mark(row, place, failure.state, &why(error), error.claims.as_deref().unwrap_or_default()).await
            }
            Reach::Tenant => {
                self.release().await;
                let refused = TokenError::Tenant(why(error));
                self.memory.refuse(place, refused.clone());
                Err(refused)
            }
            Reach::Moment if error.is_unsent || error.status.is_some_and(|status| !status.is_success()) => {
                self.release().await;
                Err(TokenError::Issuer(told))
            }
            // The issuer may have seen the refresh token; with a success that can't be read, it has replaced it.
            Reach::Moment => {
                self.unanswered.store(row.generation, Ordering::Relaxed);
                Err(TokenError::Issuer(told))
            }
        }
    }

    /// Notes what became of the consent, if it still has the refresh token that was used.
    async fn mark(
        &self,
        row: &Consent,
        place: &Place,
        state: ConsentState,
        why: &str,
        challenge: &str,
    ) -> Result<Attempt, TokenError> {
        let (id, at) = (self.settings.name.as_str(), self.clock.now().as_secs());
        let mark = ConsentMark { id, generation: row.generation, state: state.code(), why, challenge, at };
        match self.store.mark_consent(&mark).await {
            Ok(true) => {
                self.release().await;
                self.memory.forget();
                if state.is_worth_a_try() {
                    // Not at once, and not by each caller.
                    let place = self.memory.place(place.0.as_deref(), &place.1);
                    self.memory.refuse(&place, TokenError::Consent(state));
                }
                let lapses = self.lapses(row).map(mfa_gateway_core::clock::Timestamp::as_secs);
                self.metrics.state(&self.settings.name, state, lapses);
                Err(TokenError::Consent(state))
            }
            Ok(false) => Ok(Attempt::Again),
            Err(_) => Err(TokenError::Store),
        }
    }
}

/// The issuer's codes, short.
fn why(error: &TokenEndpointError) -> String {
    let number = error.numbers.first().map(|number| format!("AADSTS{number}"));
    number.or_else(|| error.code.clone()).unwrap_or_default()
}
