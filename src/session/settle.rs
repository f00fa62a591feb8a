//! What a request waits for, rarely: a session that only the store knows, claims that new rules read, tokens that are due.

use std::sync::Arc;

use mfa_gateway_core::chain;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::token::{Claims, Keep, Validity};

use super::record::Record;
use super::secrets::Secrets;
use super::sessions::Judged;
use super::sign_in::{Looked, SignIn};
use super::table::Ending;

impl SignIn {
    /// Waits for what a session needs before it is used. An issuer or a store that doesn't respond delays only this request,
    /// and not for long.
    pub async fn settle(self: &Arc<Self>, record: Arc<Record>, counts: bool) -> Looked {
        let (idle, cookie) = (self.settings.times.idle, Arc::clone(&record));
        if let Judged::Unknown = self.sessions.judge(&record, idle, counts) {
            match self.sessions.ask(record.id).await {
                Ok(Some(row)) if row.ended.is_none() => {}
                // Nobody began it, or its row is gone: it was ended, and forgotten.
                Ok(_) => return Looked::Over(Ending::Ended),
                Err(_) => return Looked::Unavailable,
            }
        }
        let mut record = match self.newest_of(record, counts).await {
            Ok(newest) => newest,
            Err(looked) => return looked,
        };
        if record.vocabulary != self.vocabulary {
            record = self.read_anew(record).await;
            if record.generation > 0 {
                self.renew(&record);
            }
        }
        if self.is_refresh_due(&record) {
            record = match self.refresh(&record).await {
                Some(newer) => newer,
                None => record,
            };
        }
        // Another replica may have refreshed its tokens in the meantime.
        record = match self.newest_of(record, counts).await {
            Ok(newest) => newest,
            Err(looked) => return looked,
        };
        match self.sessions.judge(&record, idle, counts) {
            Judged::Live(_) => {
                let current = self.prove(record, true).map(|newest| newest.instead_of(&cookie));
                current.map_or(Looked::None { is_stray: true }, Looked::Live)
            }
            Judged::Ended(ending) => Looked::Over(ending),
            // The store says no other than the table: it went idle.
            Judged::Unknown => {
                self.sessions.went_idle(&record);
                Looked::Over(Ending::Idle)
            }
            Judged::Unavailable => Looked::Unavailable,
        }
    }

    /// The newest record of a session: a refresh may have made one, and what it took away doesn't count any more.
    async fn newest_of(&self, record: Arc<Record>, counts: bool) -> Result<Arc<Record>, Looked> {
        match self.sessions.judge(&record, self.settings.times.idle, counts) {
            Judged::Live(generation) if generation > record.generation || record.is_stub => {}
            _ => return Ok(record),
        }
        match self.sessions.store().session(&record.id.to_string()).await {
            Ok(Some(row)) if row.ended.is_none() => {
                let newer = self.newer_in(&row, &record).ok_or(Looked::None { is_stray: true })?;
                self.renew(&newer);
                Ok(newer)
            }
            Ok(_) => Err(Looked::Over(Ending::Ended)),
            Err(_) => Err(Looked::Unavailable),
        }
    }

    /// Reads from the ID token what the rules of a new configuration need. Without it, a claim that wasn't kept is absent:
    /// it proves nothing.
    async fn read_anew(&self, record: Arc<Record>) -> Arc<Record> {
        let read = async {
            let row = self.sessions.store().session(&record.id.to_string()).await.ok()??;
            let secrets = Secrets::open(&row.begun.secret, &self.seals.secrets, &record.id)?;
            let all = Claims::of_kept_token(&secrets.id_token, Validity::until(record.expires()))?;
            let old = record.kept()?;
            let proving = self.verifier.profile().mfa.claims();
            let claims = Keep::collect(&self.settings.keep, |path| {
                // A refreshed ID token never adds evidence, nor makes the sign-in younger.
                let is_of_sign_in = record.generation > 0 && (path == ["auth_time"] || proving.contains(&path));
                // What the session's own record has is as new, and may have been refreshed without an ID token.
                let is_kept = old.at(path).is_some() && !is_list(&all, path);
                if is_of_sign_in || is_kept { &old } else { &all }
            });
            Some(Record { claims, vocabulary: self.vocabulary, ..(*record).clone() })
        };
        match read.await {
            Some(newer) => Arc::new(newer),
            None => record,
        }
    }

    /// The access token of a session, as `Authorization` presents it. The store is asked once for each generation, and again
    /// for a token that has expired.
    pub async fn access_token(&self, record: &Record) -> Option<http::HeaderValue> {
        if self.sessions.has_ended(&record.id) {
            self.access_tokens.forget(record);
            return None;
        }
        if let Some(kept) = self.access_tokens.get(record, self.clock.now()) {
            return Some(kept);
        }
        let row = match self.sessions.store().session(&record.id.to_string()).await {
            Ok(row) => row?,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a session's access token can't be read");
                return None;
            }
        };
        let secrets = Secrets::open(&row.begun.secret, &self.seals.secrets, &record.id)?;
        let mut value = http::HeaderValue::try_from(format!("Bearer {}", secrets.access_token)).ok()?;
        value.set_sensitive(true);
        self.access_tokens.keep(record, &value, Timestamp::from_millis(secrets.access_expires));
        Some(value)
    }
}

fn is_list(claims: &Claims, path: &[String]) -> bool {
    claims.at(path).is_some_and(|claim| claim.strings().is_some())
}
