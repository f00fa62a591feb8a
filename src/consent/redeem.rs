//! From a consent to an access token.
//!
//! Between replicas, the store's lease decides who uses the refresh token. One that the store can't take stays in memory, and
//! is stored as soon as it can.

use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_store::{Consent, ConsentLease, ConsentMark, ConsentRenewal, Envelope};
use tokio::time::sleep;

use super::failure::{Failure, Reach};
use super::hand::Owed;
use super::issued::{Issued, TokenError};
use super::keeper::Keeper;
use super::memory::Place;
use super::state::ConsentState;
use crate::oidc::{Refreshed, TokenEndpointError};

/// How long an access token is taken to last whose life the issuer doesn't tell.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// How much longer than one request to the issuer a lease lasts.
const BEYOND: Duration = Duration::from_secs(10);

/// Why a consent isn't used: the issuer may have seen its refresh token, and takes one that comes twice for stolen.
const ABANDONED: &str = "abandoned";

/// How one attempt ends.
pub(super) enum Attempt {
    /// With a token.
    Token(Arc<Issued>),
    /// Another replica was at it, or another refresh token has taken the place of the one that was read.
    Again,
}

impl Keeper {
    /// One attempt to use the refresh token; `anew` tries also one that doesn't work any more.
    pub(super) async fn attempt(&self, place: &Place, anew: bool) -> Result<Attempt, TokenError> {
        let name = &self.settings.name;
        let row = self.store.consent(name).await.map_err(|_| TokenError::Store)?;
        let row = row.ok_or(TokenError::Consent(ConsentState::Absent))?;
        if row.envelope.secret.is_empty() {
            return Err(TokenError::Consent(ConsentState::Withdrawn));
        }
        if self.misfit(&row).is_some() {
            return Err(TokenError::Consent(ConsentState::Absent));
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
            Ok(ConsentLease::Granted { abandoned }) => abandoned || self.hand.is_unanswered(row.generation),
            Ok(ConsentLease::Held | ConsentLease::Renewed(_)) => return Ok(Attempt::Again),
            Ok(ConsentLease::Gone) => return Err(TokenError::Consent(ConsentState::Withdrawn)),
            Err(_) => return Err(TokenError::Store),
        };
        if abandoned && self.settings.single_use {
            return self.mark(&row, place, ConsentState::Reconsent, ABANDONED, "").await;
        }
        match self.client.refresh_for(&metadata, &token, &[("scope", &place.1)]).await {
            Ok(tokens) => self.take(&row, place, (token, tokens)).await,
            Err(error) => self.explain(&row, place, &error).await,
        }
    }

    /// Stores a refresh token that is owed, if nobody is at it.
    pub async fn settle(&self) {
        let Some(_turn) = self.hand.owed().and_then(|_| self.hand.idle_turn()) else { return };
        // A store that can't be reached has its own metric.
        if let Ok(Some(row)) = self.store.consent(&self.settings.name).await {
            let _ = self.pay(row.generation).await;
        }
    }

    /// Waits for the use that is under way, since what the issuer gives for it comes once. None begins any more.
    pub async fn wind_up(&self) {
        self.settle().await;
        self.hand.close().await;
    }

    /// Stores a refresh token that is owed; whether that changed what is stored.
    async fn pay(&self, generation: i64) -> Result<bool, TokenError> {
        let Some(owed) = self.hand.owed() else { return Ok(false) };
        // Somebody consented again, or withdrew: the older one's successor has no place any more.
        let is_due = owed.generation == generation;
        if is_due {
            self.store_next(&owed).await.map_err(|_| TokenError::Store)?;
        }
        self.hand.owe(None);
        Ok(is_due)
    }

    async fn store_next(&self, owed: &Owed) -> Result<bool, mfa_gateway_store::StoreError> {
        let Owed { generation, envelope, mfa, state, at } = owed;
        let (id, state) = (self.settings.name.as_str(), state.code());
        let renewal = ConsentRenewal { id, generation: *generation, envelope, mfa: *mfa, state, at: *at };
        self.store.renew_consent(&renewal).await
    }

    /// Takes what the issuer gave for a refresh token.
    async fn take(
        &self,
        row: &Consent,
        place: &Place,
        (used, tokens): (String, Refreshed),
    ) -> Result<Attempt, TokenError> {
        let now = self.clock.now();
        let doubt = self.check_genuine(row, place, &tokens).await.err();
        let expires = now.plus(tokens.expires_in.unwrap_or(USUAL_LIFE));
        let rule = &self.verifier.profile().mfa;
        let issued = Arc::new(Issued::of(&tokens.access_token, expires, rule, tokens.request_id));
        let is_home = self.is_at_home(place);
        // MFA in a customer's tenant says nothing of the consent in the partner's.
        let (mfa, state) = match (&doubt, issued.mfa.filter(|_| is_home)) {
            (Some(TokenError::Foreign(_)), _) if is_home => (row.mfa, ConsentState::Foreign),
            (Some(_), _) => (row.mfa, ConsentState::named(&row.state)),
            (None, Some(true)) => (true, ConsentState::Alive),
            (None, Some(false)) => (false, ConsentState::NoMfa),
            (None, None) => (row.mfa, if row.mfa { ConsentState::Alive } else { ConsentState::NoMfa }),
        };
        // Without another one, the refresh token goes on (RFC 6749 section 6). A doubtful one is kept as well: it has replaced
        // the one that was used, so that nothing else may work from now on.
        let next = tokens.refresh_token.unwrap_or(used);
        let envelope = Envelope::seal(&self.seals.records, &row.context(), next.as_bytes());
        let owed = Owed { generation: row.generation, envelope, mfa, state, at: now.as_secs() };
        let is_kept = self.keep_next(owed).await;
        if let Some(doubt) = doubt {
            self.tell_doubt(row, place, &doubt, (is_kept, &issued.request_id)).await;
            return Err(doubt);
        }
        // Of a consent that was withdrawn meanwhile, or given again, nothing is given.
        if !is_kept {
            return Ok(Attempt::Again);
        }
        self.metrics.state(&self.settings.name, state, Some(now.plus(self.settings.lapses).as_secs()));
        self.memory.keep(place, &issued);
        Ok(Attempt::Token(issued))
    }

    /// Notes that the issuer gave tokens that nobody may have.
    async fn tell_doubt(&self, row: &Consent, place: &Place, doubt: &TokenError, (is_kept, id): (bool, &str)) {
        let (consent, tenant) = (self.settings.name.as_str(), place.0.as_deref());
        let TokenError::Foreign(whose) = doubt else { return };
        tracing::error!(consent, tenant, request_id = id, whose, "the issuer gave another's token; nobody gets it");
        // By now, the consent may be another one.
        if !is_kept {
            return;
        }
        self.memory.refuse(place, doubt.clone());
        if self.is_at_home(place) {
            self.memory.forget();
            let (state, why, at) = (ConsentState::Foreign, format!("another_{whose}"), self.clock.now().as_secs());
            let generation = row.generation + 1;
            let mark = ConsentMark { id: consent, generation, state: state.code(), why: &why, challenge: "", at };
            // The state is stored already; this says why.
            let _ = self.store.mark_consent(&mark).await;
            let lapses = self.lapses(row).map(mfa_gateway_core::clock::Timestamp::as_secs);
            self.metrics.state(consent, state, lapses);
        }
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
        self.hand.owe(Some(owed));
        true
    }

    async fn release(&self) {
        // A lease that isn't given back ends by itself.
        let _ = self.store.release_consent(&self.settings.name, &self.replica).await;
    }

    /// What an error of the token endpoint means.
    async fn explain(&self, row: &Consent, place: &Place, error: &TokenEndpointError) -> Result<Attempt, TokenError> {
        let failure = Failure::of(error);
        let failure = if self.is_at_home(place) { failure } else { failure.elsewhere() };
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
            Reach::Moment if error.is_unsent || error.is_refusal() => {
                self.release().await;
                Err(TokenError::Issuer(told))
            }
            // The issuer may have seen the refresh token; with a success that can't be read, it has replaced it.
            Reach::Moment => {
                self.hand.note_unanswered(row.generation);
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
