//! The ends of sessions: a user's sign-out, and the issuer's logouts.

use mfa_gateway_core::token::LogoutToken;
use mfa_gateway_layer::ClientVerifyError;
use mfa_gateway_store::{Filter, LONGEST_LIST, NewSession, Page, Session, StoreError};

use super::id::{SessionId, random};
use super::record::{Record, Tried};
use super::secrets::Secrets;
use super::sessions::Whose;
use super::sign_in::{Current, SignIn};
use super::transaction::Wanted;
use crate::oidc::{EndSession, end_session_url};

/// The most sessions of a user that are listed.
const MAX_LISTED: u32 = 100;

/// What `state` begins with if other replicas learn of a sign-out later: the page after the issuer's says so.
pub const DELAYED: &str = "delayed.";

/// How far a sign-out went.
#[derive(Clone, Debug)]
pub struct SignedOff {
    /// Where the browser goes to sign out of the issuer too.
    pub issuer: Option<String>,
    /// Whether other replicas hear of it later, since the store can't be reached.
    pub is_delayed: bool,
}

/// Why an issuer's logout does nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The logout token isn't valid.
    #[error("the logout token is not valid")]
    Token(#[from] ClientVerifyError),
    /// It came before.
    #[error("the logout token was used before")]
    Repeated,
    /// The store can't be reached.
    #[error("the store is unavailable")]
    Store(#[from] StoreError),
}

impl SignIn {
    /// Signs a user out: of this session, or of all. The session has ended when this returns, whatever the issuer and the
    /// store do.
    pub async fn sign_out(&self, record: &Record, everywhere: bool) -> SignedOff {
        let row = self.sessions.store().session(&record.id.to_string()).await.ok().flatten();
        let mut is_delayed = self.sessions.end(Whose::Id(record.id), "sign_out").await.is_err();
        if everywhere && let Some(row) = &row {
            let whose = Whose::Subject { issuer: row.begun.issuer.clone(), subject: row.begun.subject.clone() };
            is_delayed |= self.sessions.end(whose, "sign_out_everywhere").await.is_err();
        }
        let of_issuer = self.settings.logout.of_issuer;
        let issuer = if of_issuer { self.issuer_sign_out(record, row.as_ref(), is_delayed) } else { None };
        self.sessions.metrics.logged_out("user");
        SignedOff { issuer, is_delayed }
    }

    /// Where a browser goes to sign out of the issuer (OpenID Connect RP-Initiated Logout 1.0).
    fn issuer_sign_out(&self, record: &Record, row: Option<&Session>, is_delayed: bool) -> Option<String> {
        let metadata = self.verifier.keys().metadata()?;
        let secrets = row.and_then(|row| Secrets::open(&row.begun.secret, &self.seals.secrets, &record.id));
        let claims = record.kept();
        let state = random::<16>().ok().map(|bytes| {
            use base64::Engine;
            let random = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
            if is_delayed { [DELAYED, &random].concat() } else { random }
        });
        let request = EndSession {
            client_id: &self.settings.client.client_id,
            id_token_hint: secrets.as_ref().map(|secrets| secrets.id_token.as_str()),
            logout_hint: claims.as_ref().and_then(|claims| claims.text("login_hint")),
            post_logout_redirect_uri: &self.own_url(&[&self.settings.base_path, "signed-out"].concat()),
            state: state.as_deref(),
        };
        end_session_url(&metadata, &request).map(Into::into)
    }

    /// The origin that a sign-out's redirect leads to, if it leads to the issuer.
    #[must_use]
    pub fn issuer_origin(&self) -> Option<String> {
        let metadata = self.verifier.keys().metadata()?;
        Some(metadata.end_session_endpoint().ok()?.origin().ascii_serialization())
    }

    /// Ends what an issuer's logout token names (OpenID Connect Back-Channel Logout 1.0 section 2.7). Returns how many
    /// sessions that were.
    ///
    /// # Errors
    ///
    /// If the token isn't valid, or was used before, or the store can't tell.
    pub async fn back_channel(&self, token: &str) -> Result<usize, LogoutError> {
        let token = self.verifier.logout_token(token).await?;
        let key = [&token.issuer, " ", &token.id].concat();
        if !self.sessions.use_once("logout", &key, token.ends).await? {
            return Err(LogoutError::Repeated);
        }
        let ended = self.sessions.end(named_by(token), "back_channel").await?;
        self.sessions.metrics.logged_out("back_channel");
        Ok(ended.len())
    }

    /// Ends the session that an issuer's front-channel logout names (OpenID Connect Front-Channel Logout 1.0; Entra sends
    /// `sid` alone). Returns how many sessions that were.
    ///
    /// # Errors
    ///
    /// If the store can't be reached.
    pub async fn front_channel(&self, sid: &str, issuer: Option<&str>) -> Result<usize, StoreError> {
        if issuer.is_some_and(|issuer| !self.verifier.rules().issuer.names(issuer)) {
            return Ok(0);
        }
        let whose = match issuer {
            Some(issuer) => Whose::Sid { issuer: issuer.to_owned(), sid: sid.to_owned() },
            None => Whose::SidOf { sign_in: self.settings.name.clone(), sid: sid.to_owned() },
        };
        let ended = self.sessions.end(whose, "front_channel").await?;
        self.sessions.metrics.logged_out("front_channel");
        Ok(ended.len())
    }

    /// The sessions of a session's user.
    ///
    /// # Errors
    ///
    /// If the store can't be reached.
    pub async fn sessions_of(&self, record: &Record) -> Result<Vec<Session>, StoreError> {
        let claims = record.kept();
        let text = |name| claims.as_ref().and_then(|claims| claims.text(name)).map(str::to_owned);
        let filter = Filter {
            issuer: text("iss"),
            subject: text("sub"),
            live_at: Some(self.clock.now().as_secs()),
            ..Filter::default()
        };
        if filter.issuer.is_none() || filter.subject.is_none() {
            return Ok(Vec::new());
        }
        self.sessions.store().list(&filter, &Page { after: None, most: MAX_LISTED }).await
    }

    /// Ends another session of the same user. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// If the store can't be reached.
    pub async fn end_own(&self, record: &Record, id: &str) -> Result<bool, StoreError> {
        let own = self.sessions_of(record).await?;
        let Some(id) = SessionId::parse(id).filter(|_| own.iter().any(|row| row.begun.id == id)) else {
            return Ok(false);
        };
        self.sessions.end(Whose::Id(id), "ended_by_user").await?;
        Ok(true)
    }

    /// Ends the oldest sessions of a user who has more than are allowed.
    pub(super) async fn bound(&self, begun: &NewSession) {
        let Some(most) = self.settings.times.per_user else { return };
        let filter = Filter {
            issuer: Some(begun.issuer.clone()),
            subject: Some(begun.subject.clone()),
            sign_in: Some(begun.sign_in.clone()),
            live_at: Some(begun.created),
            ..Filter::default()
        };
        let page = Page { after: None, most: LONGEST_LIST };
        let Ok(mut rows) = self.sessions.store().list(&filter, &page).await else {
            tracing::warn!(session = %begun.id, "the sessions of a user can't be counted");
            return;
        };
        rows.retain(|row| row.begun.id != begun.id);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.begun.created));
        for row in rows.iter().skip(most.saturating_sub(1) as usize) {
            if let Some(id) = SessionId::parse(&row.begun.id)
                && self.sessions.end(Whose::Id(id), "too_many").await.is_err()
            {
                tracing::warn!(session = %id, "the store hears of a session's end later");
            }
        }
    }

    /// The cookie of a session whose step-up, or whose sign-in to a tenant, was in vain.
    #[must_use]
    pub fn note_tried(&self, session: &Current, wanted: Wanted, came: &str) -> Option<String> {
        let tried = Tried {
            at: self.clock.now().as_millis(),
            max_age: wanted.max_age,
            came: came.to_owned(),
            returned: Vec::new(),
            tenant: wanted.tenant.or_else(|| session.tenant()),
        };
        self.seal(&Record { tried: Some(tried), ..(*session.record).clone() })
    }
}

fn named_by(token: LogoutToken) -> Whose {
    let issuer = token.issuer;
    match (token.session, token.subject) {
        (Some(sid), Some(subject)) => Whose::SidAndSubject { issuer, sid, subject },
        (Some(sid), None) => Whose::Sid { issuer, sid },
        (None, subject) => Whose::Subject { issuer, subject: subject.unwrap_or_default() },
    }
}
