//! From a verified ID token to the session's record and row.

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{MfaFinding, Proof};
use mfa_gateway_core::token::{Claims, IdToken, Keep, Validity};
use mfa_gateway_store::{NewSession, is_storable};

use super::id::SessionId;
use super::record::Record;
use super::secrets::Secrets;
use super::sign_in::SignIn;

/// The claims that name the user to the issuer's sign-in page, the best first. Entra wants `login_hint` itself.
const HINTS: [&str; 4] = ["login_hint", "preferred_username", "upn", "email"];

impl SignIn {
    /// The record of a session that begins now.
    pub(super) fn record(&self, id: SessionId, id_token: &IdToken, secrets: &Secrets) -> Record {
        let now = self.clock.now();
        Record {
            id,
            created: now.as_millis(),
            expires: now.plus(self.settings.times.absolute).as_millis(),
            made: now.as_millis(),
            generation: 0,
            vocabulary: self.vocabulary,
            claims: id_token.claims().keep(&self.settings.keep),
            refresh_at: self.refresh_at(secrets),
            tried: None,
            stepped_up: None,
            is_stub: false,
            tenant: None,
            hops: 0,
        }
    }

    /// When the tokens are due for a refresh, if there is a refresh token.
    pub(super) fn refresh_at(&self, secrets: &Secrets) -> Option<i64> {
        let margin = self.settings.times.refresh.filter(|_| secrets.refresh_token.is_some())?;
        Some(Timestamp::from_millis(secrets.access_expires).minus(margin).as_millis())
    }

    /// The row of a session.
    pub(super) fn row(&self, record: &Record, id_token: &IdToken, proof: &Proof, secrets: &Secrets) -> NewSession {
        let claims = id_token.claims();
        // What nobody needs is left out rather than that somebody can't sign in.
        let text = |name| claims.text(name).filter(|text| is_storable(text));
        NewSession {
            id: record.id.to_string(),
            sign_in: self.settings.name.clone(),
            issuer: id_token.issuer().to_owned(),
            subject: id_token.subject().to_owned(),
            tenant: text("tid").unwrap_or_default().to_owned(),
            user: text("oid").filter(|oid| !oid.is_empty()).unwrap_or(id_token.subject()).to_owned(),
            display: HINTS.iter().skip(1).find_map(|name| text(name)).unwrap_or_default().to_owned(),
            sid: id_token.session().filter(|sid| is_storable(sid)).unwrap_or_default().to_owned(),
            created: record.created().as_secs(),
            // Not before the cookie's end.
            expires: record.expires().as_secs() + 1,
            mfa: proof.mfa == MfaFinding::Proven,
            secret: secrets.seal(&self.seals.secrets, &record.id),
            evidence: Vec::new(),
            generation: 0,
        }
    }

    /// Whether a session is the user's that an ID token speaks of.
    pub(super) fn is_of(record: &Record, id_token: &IdToken) -> bool {
        let Some(claims) = record.kept() else { return false };
        claims.text("sub") == Some(id_token.subject()) && claims.text("iss") == Some(id_token.issuer())
    }

    /// The name that the issuer's sign-in page knows the user by. Entra's `login_hint` is of one tenant; the names are known in
    /// others too, but for those that a guest has there.
    pub(super) fn login_hint(record: &Record, elsewhere: bool) -> Option<String> {
        let claims = record.kept()?;
        let names = if elsewhere { &HINTS[1..] } else { &HINTS[..] };
        let mut known = names.iter().filter_map(|name| claims.text(name));
        known.find(|name| !elsewhere || !name.contains("#EXT#")).map(str::to_owned)
    }

    /// The name of a session's user, for pages.
    #[must_use]
    pub fn person(&self, record: &Record) -> Option<String> {
        let claims = record.kept()?;
        ["name", "preferred_username", "upn", "email"].iter().find_map(|name| claims.text(name).map(str::to_owned))
    }

    /// The record after a refresh. A refreshed token can take evidence away, and never adds any: whoever signed in without
    /// MFA has none, however often tokens are refreshed, and a sign-in never becomes younger. Without a claim that could
    /// prove MFA, the evidence is that of the sign-in.
    pub(super) fn refreshed(&self, record: &Record, claims: Option<&Claims>, secrets: &Secrets) -> Option<Record> {
        let mut kept = record.claims.clone();
        if let Some(new) = claims {
            let new = Claims::restore(new.keep(&self.settings.keep), Validity::until(record.expires()))?;
            kept = self.merge(&record.kept()?, &new);
        }
        Some(Record {
            made: self.clock.now().as_millis(),
            generation: record.generation.saturating_add(1),
            vocabulary: self.vocabulary,
            claims: kept,
            refresh_at: self.refresh_at(secrets),
            ..record.clone()
        })
    }

    /// The claims after a refresh: all that is new, but for what proves MFA and the time of the sign-in.
    fn merge(&self, old: &Claims, new: &Claims) -> String {
        let rule = &self.verifier.profile().mfa;
        let stays = rule.evaluate(old) != MfaFinding::Proven
            || matches!(rule.evaluate(new), MfaFinding::Proven | MfaFinding::Absent);
        let proving = rule.claims();
        Keep::collect(&self.settings.keep, |path| {
            let is_of_sign_in = path == ["auth_time"] || stays && proving.contains(&path);
            if is_of_sign_in { old } else { new }
        })
    }
}
