//! The beginning of a sign-in: the authorization request, and what is sealed for the browser.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mfa_gateway_core::clock::Timestamp;

use super::cookie::OwnCookies;
use super::id::{NoRandom, random};
use super::return_path::ReturnPath;
use super::sign_in::{Current, SignIn};
use super::transaction::{Begun, Transaction, Wanted};
use crate::oidc::{AuthorizationRequest, ParError, Pkce};

/// What a sign-in begins with.
#[derive(Clone, Debug)]
pub struct Start<'s> {
    /// Where the browser returns to.
    pub return_path: ReturnPath,
    /// What the page asks for.
    pub wanted: Wanted,
    /// The session that is to be stepped up.
    pub session: Option<&'s Current>,
    /// Whether the person wants to choose another account.
    pub another_account: bool,
}

/// A sign-in that has begun.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Where the browser goes.
    pub location: String,
    /// What changes in its cookies.
    pub cookies: Begun,
}

/// Why a sign-in can't begin.
#[derive(Debug, thiserror::Error)]
pub enum CannotBegin {
    /// The issuer's metadata was never fetched.
    #[error("the issuer's discovery document has not been fetched")]
    NoMetadata,
    /// There is no randomness.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The issuer doesn't take the request (RFC 9126).
    #[error("the pushed authorization request failed")]
    Refused(#[source] ParError),
    /// The request could not be pushed.
    #[error("the pushed authorization request could not be sent")]
    Unreachable(#[source] ParError),
    /// It could not be sealed.
    #[error("the sign-in could not be sealed")]
    NotSealed,
}

impl SignIn {
    /// Begins a sign-in. Nothing of it is kept here.
    ///
    /// # Errors
    ///
    /// If the issuer can't be asked.
    pub async fn begin(&self, start: Start<'_>, beside: &OwnCookies) -> Result<Departure, CannotBegin> {
        let metadata = self.metadata_in(start.wanted.tenant).await.ok_or(CannotBegin::NoMetadata)?;
        let pkce = Pkce::new(&random::<32>()?);
        let token = |bytes: [u8; 32]| URL_SAFE_NO_PAD.encode(bytes);
        let transaction = Transaction {
            state: token(random()?),
            nonce: token(random()?),
            verifier: pkce.verifier.clone(),
            return_path: start.return_path.as_str().to_owned(),
            began: self.clock.now().as_millis(),
            wanted: start.wanted,
            session: start.session.map(|session| session.record.id).filter(|_| !start.another_account),
            another_account: start.another_account,
            // Somebody who presents a cookie that is no session may have got it a moment ago.
            rounds: if start.session.is_none() && beside.session.is_some() {
                beside.rounds.saturating_add(1)
            } else {
                0
            },
        };
        let cookies = transaction
            .begin(&self.seals.transaction, &self.context, &self.settings.cookie, beside)
            .ok_or(CannotBegin::NotSealed)?;
        let hint = start.session.filter(|_| !start.another_account).and_then(|session| {
            let elsewhere = start.wanted.tenant.is_some_and(|tenant| session.tenant() != Some(tenant));
            Self::login_hint(&session.record, elsewhere)
        });
        let asks = self.settings.asks_for(start.wanted, start.another_account);
        let request = AuthorizationRequest {
            redirect_uri: &self.redirect_uri(),
            state: &transaction.state,
            nonce: &transaction.nonce,
            code_challenge: &pkce.challenge,
            asks: &asks,
            login_hint: hint.as_deref(),
        };
        let location = self.client.authorization_url(&metadata, &request).await.map_err(|error| {
            if error.is_unavailable() { CannotBegin::Unreachable(error) } else { CannotBegin::Refused(error) }
        })?;
        Ok(Departure { location: location.into(), cookies })
    }

    /// Where the issuer sends the browser back to: registered at the issuer, exactly.
    pub(super) fn redirect_uri(&self) -> String {
        self.own_url(&self.settings.callback)
    }

    /// The URL of an own path, as browsers see it.
    pub(super) fn own_url(&self, path: &str) -> String {
        [self.settings.public.as_str().trim_end_matches('/'), path].concat()
    }

    /// The moment before which a sign-in that began is too old.
    pub(super) fn began_since(&self) -> Timestamp {
        self.clock.now().minus(self.settings.times.transaction)
    }
}
