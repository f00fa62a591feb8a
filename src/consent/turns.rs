//! Who gets an access token when: those who want the same wait for one use of the refresh token, and programs take turns.
//!
//! A program that asks for very many tenants fills its own line, and not that of another one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::fetches::{Landed, Landing};
use super::issued::{Issued, TokenError, Wanted};
use super::keeper::Keeper;
use super::memory::Place;
use super::redeem::Attempt;

/// How much longer than one request to the issuer a program waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause before another replica's result is looked for, and how often.
const PAUSE: Duration = Duration::from_millis(200);
const ROUNDS: u32 = 40;

/// The line of the operators, and of the gateway itself.
const OWN: &str = "";

impl Keeper {
    /// An access token that lasts a while, for a program.
    ///
    /// # Errors
    ///
    /// If there is none; [`TokenError`] says why, and what to do.
    pub async fn token(self: &Arc<Self>, wanted: &Wanted, caller: &str) -> Result<Arc<Issued>, TokenError> {
        let result = self.find(wanted, caller).await;
        self.metrics.used(&self.settings.name, result.as_ref().map_or_else(TokenError::code, |_| "ok"));
        result
    }

    async fn find(self: &Arc<Self>, wanted: &Wanted, caller: &str) -> Landed {
        let place = self.place(wanted)?;
        if let Some(known) = self.known(&place) {
            return known;
        }
        let mut landing = self.join(caller, place)?;
        let patience = self.settings.client.timeout + PATIENCE;
        match timeout(patience, landing.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone().unwrap_or(Err(TokenError::Busy)),
            Ok(Err(_)) => Err(TokenError::Issuer("the attempt broke off".to_owned())),
            // It goes on, and a later request joins it.
            Err(_) => Err(TokenError::Busy),
        }
    }

    /// Uses the refresh token now, whatever is kept: to see whether it works.
    ///
    /// # Errors
    ///
    /// If it doesn't.
    pub async fn try_it(self: &Arc<Self>) -> Result<Arc<Issued>, TokenError> {
        let place = self.place(&Wanted::default())?;
        let own = Arc::clone(self);
        let fetching = tokio::spawn(async move { own.take_turns(&place, OWN, true).await });
        fetching.await.unwrap_or_else(|_| Err(TokenError::Issuer("the attempt broke off".to_owned())))
    }

    fn place(&self, wanted: &Wanted) -> Result<Place, TokenError> {
        let scope = wanted.scope.as_deref().or(self.settings.scope.as_deref()).ok_or(TokenError::NoScope)?;
        let tenant = wanted.tenant.as_deref().or(self.settings.tenant.as_deref());
        Ok(self.memory.place(tenant, scope))
    }

    /// The kept token, if it lasts a while, or why there was none a short while ago.
    fn known(&self, place: &Place) -> Option<Landed> {
        let fresh = |issued: &Arc<Issued>| self.clock.now().plus(self.settings.margin) < issued.expires;
        let issued = self.memory.token(place).filter(fresh);
        issued.map(Ok).or_else(|| self.memory.refusal(place).map(Err))
    }

    /// Joins the fetch that is under way, or begins one.
    fn join(self: &Arc<Self>, caller: &str, place: Place) -> Result<Landing, TokenError> {
        let (landing, fetch) = self.fetches.join(caller, place)?;
        if let Some(fetch) = fetch {
            let own = Arc::clone(self);
            // An issuer gives a refresh token once: nobody who goes away stops its way into the store.
            tokio::spawn(async move {
                let landed = own.take_turns(&fetch.place, &fetch.caller, false).await;
                fetch.land(landed);
            });
        }
        Ok(landing)
    }

    async fn take_turns(&self, place: &Place, caller: &str, anew: bool) -> Landed {
        let _turn = self.hand.turn_of(caller).await;
        if let Some(known) = self.known(place).filter(|_| !anew) {
            return known;
        }
        for _ in 0..ROUNDS {
            match self.attempt(place, anew).await? {
                Attempt::Token(issued) => return Ok(issued),
                Attempt::Again => sleep(PAUSE).await,
            }
        }
        Err(TokenError::Issuer("another replica is at it".to_owned()))
    }
}
