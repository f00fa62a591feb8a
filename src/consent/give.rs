//! How a person gives a consent: through a browser, with MFA, and for exactly what is configured.
//!
//! The gateway keeps nothing of a consent under way: the transaction is sealed, and its client keeps it. It counts once.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{MfaFinding, Proof};
use mfa_gateway_core::token::{AuthTime, Claim, Claims, ExpectedIdToken, IdToken, Occasion};
use mfa_gateway_store::{Consent, Envelope, is_storable};
use serde::{Deserialize, Serialize};
use url::Url;

use super::issued::Issued;
use super::keeper::Keeper;
use super::refused::GiveError;
use super::state::ConsentState;
use crate::oidc::{AuthorizationRequest, CallbackParameters, CallbackResponse, Pkce, Tokens};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// The role template of global administrators, in `wids`.
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// A consent that a person is asked for.
#[derive(Debug)]
pub struct Begun {
    /// Where the person's browser goes.
    pub url: Url,
    /// What finishes it, sealed.
    pub transaction: String,
}

/// A consent under way.
#[derive(Serialize, Deserialize)]
struct Transaction {
    state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    by: String,
    began: i64,
}

/// A consent that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    /// What names the person in the tenant.
    pub user: String,
    /// The person's name.
    pub display: String,
    /// The tenant.
    pub tenant: String,
    /// What should be different, though the consent counts.
    pub warnings: Vec<&'static str>,
}

impl Keeper {
    /// Begins a consent: the issuer will send the person's browser back to `redirect_uri`.
    ///
    /// # Errors
    ///
    /// If the issuer or the store can't be asked.
    pub async fn begin(&self, redirect_uri: &str, by: &str) -> Result<Begun, GiveError> {
        let metadata = self.verifier.keys().metadata_for_sign_in().await.ok_or(GiveError::NoMetadata)?;
        // What the policy asks for that refused the refresh token last: a sign-in without it would be refused again.
        let row = self.store.consent(&self.settings.name).await?;
        let challenge = row.map(|row| row.challenge).filter(|challenge| !challenge.is_empty());
        let asks = match &challenge {
            Some(challenge) => self.settings.asks.clone().challenged(challenge),
            None => self.settings.asks.clone(),
        };
        let (state, nonce, pkce) = (word()?, word()?, Pkce::new(&random()?));
        let request = AuthorizationRequest {
            redirect_uri,
            state: &state,
            nonce: &nonce,
            code_challenge: &pkce.challenge,
            asks: &asks,
            login_hint: None,
        };
        let url = self.client.authorization_url(&metadata, &request).await?;
        let (redirect_uri, by, began) = (redirect_uri.to_owned(), by.to_owned(), self.clock.now().as_millis());
        let transaction = Transaction { state, nonce, verifier: pkce.verifier, redirect_uri, by, began };
        let text = serde_json::to_vec(&transaction).unwrap_or_default();
        let sealed = self.seals.transactions.seal(self.settings.name.as_bytes(), &text);
        Ok(Begun { url, transaction: URL_SAFE_NO_PAD.encode(sealed) })
    }

    /// Finishes a consent with what the browser brought back.
    ///
    /// # Errors
    ///
    /// If nothing was given; [`GiveError`] says why, and what to do.
    pub async fn finish(&self, transaction: &str, callback: &[u8]) -> Result<Given, GiveError> {
        let transaction = self.open(transaction).ok_or(GiveError::Foreign)?;
        let parameters = CallbackParameters::parse(callback)?;
        if parameters.state != transaction.state {
            return Err(GiveError::Foreign);
        }
        let metadata = self.verifier.keys().metadata_for_sign_in().await.ok_or(GiveError::NoMetadata)?;
        parameters.check_issuer(&metadata)?;
        let until = self.clock.now().plus(PATIENCE).as_secs();
        if !self.store.use_once("consent", &transaction.state, until).await? {
            return Err(GiveError::Repeated);
        }
        let code = match parameters.response {
            CallbackResponse::Code(code) => code,
            CallbackResponse::Error(error) => return Err(GiveError::Reported(error)),
        };
        let (verifier, redirect_uri) = (&transaction.verifier, &transaction.redirect_uri);
        let tokens = self.client.exchange(&metadata, &code, verifier, redirect_uri).await;
        let tokens = tokens.map_err(GiveError::NoTokens)?;
        let occasion = Occasion::SignIn { nonce: &transaction.nonce };
        let expected = ExpectedIdToken { occasion, access_token: &tokens.access_token };
        let id_token = self.verifier.id_token(&tokens.id_token, &expected).await.map_err(GiveError::IdToken)?;
        self.admit(&transaction, &tokens, &id_token).await
    }

    fn open(&self, transaction: &str) -> Option<Transaction> {
        let sealed = URL_SAFE_NO_PAD.decode(transaction).ok()?;
        let text = self.seals.transactions.open(self.settings.name.as_bytes(), &sealed)?;
        let opened: Transaction = serde_json::from_slice(&text).ok()?;
        let is_recent = self.clock.now().since(Timestamp::from_millis(opened.began)) <= PATIENCE;
        is_recent.then_some(opened)
    }

    /// Stores what the right person gave with MFA, and nothing else.
    async fn admit(&self, transaction: &Transaction, tokens: &Tokens, id_token: &IdToken) -> Result<Given, GiveError> {
        let proof = self.verifier.prove(id_token);
        let tenant = proof.tenant.clone().unwrap_or_default();
        if let Some(wanted) = self.settings.tenant.as_deref().filter(|_| !self.settings.is_home(&tenant)) {
            return Err(GiveError::Tenant { wanted: wanted.to_owned(), came: shown(&tenant) });
        }
        let user = proof.principal.user().and_then(|user| user.id.clone()).unwrap_or_default();
        if let Some(wanted) = self.settings.user.as_ref().filter(|wanted| **wanted != user) {
            return Err(GiveError::User { wanted: wanted.clone(), came: shown(&user) });
        }
        self.check_role(&proof)?;
        self.check_age(&proof, Timestamp::from_millis(transaction.began))?;
        let now = self.clock.now();
        let expires = now.plus(tokens.expires_in.unwrap_or_default());
        let issued = Issued::of(&tokens.access_token, expires, &self.verifier.profile().mfa, String::new());
        // The access token counts only where the ID token doesn't say how the person authenticated.
        let without = issued.mfa == Some(false) && !issued.amr.is_empty();
        let has_mfa = match proof.mfa {
            MfaFinding::Proven => !without,
            MfaFinding::Absent => issued.mfa == Some(true),
            MfaFinding::Missing | MfaFinding::Denied => false,
        };
        if !has_mfa {
            return Err(GiveError::NoMfa);
        }
        let refresh_token = tokens.refresh_token.as_deref().ok_or(GiveError::NoRefreshToken)?;
        let text = |name| id_token.claims().text(name).filter(|text| is_storable(text)).map(str::to_owned);
        let display = ["preferred_username", "upn", "email"].into_iter().find_map(text).unwrap_or_default();
        let consent = Consent {
            id: self.settings.name.clone(),
            issuer: id_token.issuer().to_owned(),
            tenant: tenant.clone(),
            application: self.settings.client.client_id.clone(),
            user: user.clone(),
            display: display.clone(),
            given: now.as_secs(),
            given_by: transaction.by.clone(),
            renewed: now.as_secs(),
            used: now.as_secs(),
            mfa: true,
            state: ConsentState::Alive.code().to_owned(),
            state_at: now.as_secs(),
            ..Consent::default()
        };
        let envelope = Envelope::seal(&self.seals.records, &consent.context(), refresh_token.as_bytes());
        self.store.give_consent(&Consent { envelope, ..consent }).await?;
        self.memory.forget();
        self.metrics.state(&self.settings.name, ConsentState::Alive, Some(now.plus(self.settings.lapses).as_secs()));
        let warnings = warnings(id_token.claims(), proof.auth_time);
        Ok(Given { user, display, tenant, warnings })
    }

    fn check_role(&self, proof: &Proof) -> Result<(), GiveError> {
        let Some(role) = &self.settings.role else { return Ok(()) };
        let is_among = |roles: &[Arc<str>]| roles.iter().any(|one| **one == **role);
        match (is_among(&proof.roles.held), is_among(&proof.roles.unknown)) {
            (true, _) => Ok(()),
            (false, true) => Err(GiveError::RolesUnknown(role.clone())),
            (false, false) => Err(GiveError::Role(role.clone())),
        }
    }

    /// Whether the sign-in is younger than the consent, as far as the issuer says when it was.
    fn check_age(&self, proof: &Proof, began: Timestamp) -> Result<(), GiveError> {
        match proof.auth_time {
            // The claim has whole seconds.
            AuthTime::At(at) if at.plus(self.settings.leeway).as_secs() < began.as_secs() => {
                Err(GiveError::OldSignIn(at.to_rfc3339()))
            }
            AuthTime::Malformed => Err(GiveError::OldSignIn("an unreadable time".to_owned())),
            AuthTime::At(_) | AuthTime::Absent => Ok(()),
        }
    }
}

/// What least privilege would have otherwise, and what could not be checked.
fn warnings(claims: &Claims, auth_time: AuthTime) -> Vec<&'static str> {
    let wids = claims.get("wids");
    let is_global =
        wids.and_then(Claim::strings).is_some_and(|ids| ids.into_iter().any(|id| id == GLOBAL_ADMINISTRATOR));
    let warning = "the account is a global administrator; use one that has no more roles than the program needs, such as a \
                   service account of the group AdminAgents";
    let unknown = "the ID token has no auth_time, so that a new sign-in was asked for and could not be verified; with Entra, add \
                   the optional claim auth_time to the registration's ID tokens";
    let is_unknown = auth_time == AuthTime::Absent;
    is_global.then_some(warning).into_iter().chain(is_unknown.then_some(unknown)).collect()
}

/// The beginning of a text that somebody else wrote.
fn shown(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(64).collect()
}

fn random() -> Result<[u8; 32], GiveError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| GiveError::NoRandom)?;
    Ok(bytes)
}

fn word() -> Result<String, GiveError> {
    Ok(URL_SAFE_NO_PAD.encode(random()?))
}
