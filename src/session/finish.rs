//! The end of a sign-in: what the issuer sends the browser back with, and what becomes of it.
//!
//! The order is fixed. First the browser must have begun it, then the response must be the issuer's; only then is anybody
//! contacted: the store, where a `state` counts once, and the issuer, to whom the code is sent once.

use std::sync::Arc;

use mfa_gateway_core::policy::{Denial, Proof};
use mfa_gateway_core::token::{ExpectedIdToken, IdToken, Occasion};
use mfa_gateway_layer::ClientVerifyError;
use mfa_gateway_store::StoreError;

use super::cookie::OwnCookies;
use super::id::{NoRandom, SessionId};
use super::record::{Record, Tried};
use super::return_path::ReturnPath;
use super::secrets::Secrets;
use super::sign_in::{Current, Looked, SignIn};
use super::transaction::{Transaction, Wanted};
use crate::oidc::{
    CallbackError, CallbackParameters, CallbackResponse, IssuerError, TenantId, TokenEndpointError, Tokens,
};

/// Says whether what came back would do: what a page asked for, of what the ID token proves.
pub type Judge<'j> = &'j (dyn Fn(&Proof, Wanted) -> Option<Denial> + Send + Sync);

/// A sign-in that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The value of the session's cookie.
    pub cookie: String,
    /// The session.
    pub session: Current,
    /// Where the browser returns to.
    pub return_path: ReturnPath,
    /// What the page asked for.
    pub wanted: Wanted,
    /// What is still missing: then the browser goes nowhere by itself, and an earlier session goes on.
    pub short: Option<Denial>,
}

/// Why a sign-in has not ended in a session.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The response has a wrong form.
    #[error("the callback is malformed")]
    Malformed(#[from] CallbackError),
    /// This browser began no such sign-in, or too long ago.
    #[error("the callback belongs to no sign-in of this browser")]
    Foreign,
    /// It came before. The browser may be signed in since.
    #[error("the callback was used before")]
    Repeated(ReturnPath),
    /// The issuer reports an error.
    #[error("the issuer reports an error")]
    Reported(IssuerError),
    /// The token endpoint didn't give tokens.
    #[error("the token endpoint gave no tokens")]
    NoTokens(#[source] TokenEndpointError),
    /// The ID token isn't acceptable.
    #[error("the ID token is not acceptable")]
    IdToken(#[source] ClientVerifyError),
    /// Another user than the session's came back. The session has ended.
    #[error("another user came back")]
    AnotherUser(ReturnPath),
    /// The ID token is of another tenant than the one that the sign-in was to.
    #[error("the ID token is of another tenant than the sign-in was to")]
    AnotherTenant,
    /// The issuer's metadata was never fetched.
    #[error("the issuer's discovery document has not been fetched")]
    NoMetadata,
    /// The store doesn't take a session.
    #[error("the store is unavailable")]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// What would have to stand in the cookie is too long.
    #[error("the session is too long for a cookie")]
    TooLong,
}

/// How far a sign-in came: what the browser's next page and cookies depend on.
#[derive(Debug)]
pub struct Arrival {
    /// The sign-in that it belongs to, if it was found.
    pub transaction: Option<Transaction>,
    /// The session that the browser had, if it goes on.
    pub before: Option<Current>,
    /// The outcome.
    pub outcome: Result<Finished, Unfinished>,
}

impl SignIn {
    /// Finishes a sign-in with the parameters of a callback.
    pub async fn finish(self: &Arc<Self>, parameters: &[u8], cookies: &OwnCookies, judge: Judge<'_>) -> Arrival {
        let mut arrival = Arrival { transaction: None, before: None, outcome: Err(Unfinished::Foreign) };
        arrival.before = self.current(cookies).await;
        let find =
            |state: &str| Transaction::find(state, cookies, &self.seals.transaction, &self.context, self.began_since());
        let parsed = match CallbackParameters::parse(parameters) {
            Ok(parsed) => parsed,
            Err(error) => {
                arrival.transaction = CallbackParameters::state_of(parameters).and_then(|state| find(&state));
                arrival.outcome = Err(error.into());
                return arrival;
            }
        };
        let found = find(&parsed.state);
        if let Some(transaction) = &found {
            arrival.outcome = self.complete(transaction, &parsed, arrival.before.as_ref(), judge).await;
        }
        arrival.transaction = found;
        arrival
    }

    /// The session that a browser has.
    pub async fn current(self: &Arc<Self>, cookies: &OwnCookies) -> Option<Current> {
        let looked = match self.look_up(cookies, true) {
            Looked::Wait(record) => self.settle(record, true).await,
            looked => looked,
        };
        match looked {
            Looked::Live(opened) => Some(opened),
            _ => None,
        }
    }

    /// The session that a browser wants to sign out of: also one of which nobody can tell whether it has ended.
    pub async fn to_sign_out(self: &Arc<Self>, cookies: &OwnCookies) -> Option<Arc<Record>> {
        let looked = match self.look_up(cookies, false) {
            Looked::Wait(record) => self.settle(record, false).await,
            looked => looked,
        };
        match looked {
            Looked::Live(opened) => Some(opened.record),
            Looked::Unavailable => Some(self.open(cookies.session.as_deref()?)?.record),
            Looked::None { .. } | Looked::Over(_) | Looked::Wait(_) => None,
        }
    }

    async fn complete(
        self: &Arc<Self>,
        transaction: &Transaction,
        parameters: &CallbackParameters,
        before: Option<&Current>,
        judge: Judge<'_>,
    ) -> Result<Finished, Unfinished> {
        let metadata = self.metadata_in(transaction.wanted.tenant).await.ok_or(Unfinished::NoMetadata)?;
        let return_path = ReturnPath::of(&transaction.return_path, &self.settings.base_path);
        let until = self.clock.now().plus(self.settings.times.transaction);
        let fresh = self.sessions.use_once("state", &transaction.state, until).await;
        parameters.check_issuer(&metadata)?;
        let code = match &parameters.response {
            CallbackResponse::Code(code) => code,
            // An error uses the state up, and can be told again.
            CallbackResponse::Error(error) => return Err(Unfinished::Reported(error.clone())),
        };
        if !fresh? {
            return Err(Unfinished::Repeated(return_path));
        }
        let tokens = self.client.exchange(&metadata, code, &transaction.verifier, &self.redirect_uri()).await;
        let tokens = tokens.map_err(Unfinished::NoTokens)?;
        let occasion = Occasion::SignIn { nonce: &transaction.nonce };
        let expected = ExpectedIdToken { occasion, access_token: &tokens.access_token };
        let id_token = self.verifier.id_token(&tokens.id_token, &expected).await.map_err(Unfinished::IdToken)?;
        self.admit(transaction, &tokens, &id_token, before, return_path, judge).await
    }

    /// Makes a session of a verified ID token, or leaves the earlier one.
    async fn admit(
        &self,
        transaction: &Transaction,
        tokens: &Tokens,
        id_token: &IdToken,
        before: Option<&Current>,
        return_path: ReturnPath,
        judge: Judge<'_>,
    ) -> Result<Finished, Unfinished> {
        let wanted = transaction.wanted;
        let proof = self.verifier.prove(id_token);
        self.wants.look(id_token.claims(), &self.settings.name);
        let tenant = proof.tenant.as_deref().and_then(TenantId::parse);
        if wanted.tenant.is_some_and(|wanted| tenant != Some(wanted)) {
            return Err(Unfinished::AnotherTenant);
        }
        let short = wanted.asks().then(|| judge(&proof, wanted)).flatten();
        let moved_from = before.filter(|before| wanted.tenant.is_some() && before.tenant() != wanted.tenant);
        let same_user = before.map(|before| match moved_from {
            // In each tenant, a user has another id. The home tenant is the same.
            Some(_) => before.proof.home == proof.home,
            None => Self::is_of(&before.record, id_token),
        });
        if same_user == Some(false) && !transaction.another_account {
            if let Some(before) = before {
                self.end(&before.record, "another_user").await;
            }
            return Err(Unfinished::AnotherUser(return_path));
        }
        let now = self.clock.now().as_millis();
        let tried = short.map(|denial| Tried {
            at: now,
            max_age: wanted.max_age,
            came: denial.code().to_owned(),
            returned: returned(id_token, &proof),
            tenant,
        });
        // A step-up in vain changes nothing but the note that it was tried. A session of another tenant has no such note.
        let stepped_up = before.filter(|_| transaction.session.is_some() && moved_from.is_none());
        if let (Some(denial), Some(before)) = (short, stepped_up) {
            let record = Record { tried, ..(*before.record).clone() };
            return self.finished(record, return_path, wanted, Some(denial));
        }
        let id = SessionId::random()?;
        let secrets = Secrets::of(tokens, &transaction.nonce, self.clock.now());
        let mut record = self.record(id, id_token, &secrets);
        record.tried = tried;
        (record.tenant, record.hops) = (wanted.tenant, moved_from.map_or(0, |before| before.record.hops_after(now)));
        record.stepped_up = (wanted.asks() && short.is_none()).then_some(now);
        let mut row = self.row(&record, id_token, &proof, &secrets);
        let fits = self.seal(&record).is_some();
        if !fits {
            record.generation = 1;
            (row.evidence, row.generation) = (self.seal_for_store(&record), 1);
        }
        self.sessions.begin(&row, id, before.map(|before| before.record.id)).await?;
        if !fits {
            self.renew(&Arc::new(record.clone()));
        }
        self.bound(&row).await;
        self.finished(record, return_path, wanted, short)
    }

    fn finished(
        &self,
        record: Record,
        return_path: ReturnPath,
        wanted: Wanted,
        short: Option<Denial>,
    ) -> Result<Finished, Unfinished> {
        let cookie = self.seal(&record).ok_or(Unfinished::TooLong)?;
        let session = self.prove(Arc::new(record), false).ok_or(Unfinished::TooLong)?;
        Ok(Finished { cookie, session, return_path, wanted, short })
    }
}

/// The claims that say how and when somebody signed in.
const RETURNED: [&str; 4] = ["amr", "acr", "acrs", "auth_time"];

/// The longest value that is told.
const MAX_RETURNED: usize = 64;

/// What the ID token says in them.
fn returned(id_token: &IdToken, proof: &Proof) -> Vec<(String, String)> {
    let text = |name: &str| match (name, id_token.claims().get(name)) {
        (_, None) => "absent".to_owned(),
        ("auth_time", _) => proof.auth_time.time().map_or("malformed".to_owned(), |time| time.to_string()),
        (_, Some(claim)) => match (claim.as_str(), claim.strings()) {
            (Some(text), _) => text.to_owned(),
            (_, Some(list)) => list.join(" "),
            _ => "malformed".to_owned(),
        },
    };
    RETURNED.iter().map(|name| ((*name).to_owned(), text(name).chars().take(MAX_RETURNED).collect())).collect()
}
