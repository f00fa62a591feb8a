//! What a stored session proves, without its cookie: for operators who ask why a page was refused.

use std::sync::Arc;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::Proof;
use mfa_gateway_core::token::{Claims, Validity};
use mfa_gateway_store::Session;

use super::id::SessionId;
use super::record::Record;
use super::secrets::Secrets;
use super::sign_in::SignIn;

impl SignIn {
    /// What a session proves by the rules in use: by the record of its last refresh, or by the ID token that it began
    /// with. `None` if neither can be read: the session has ended, or its sealing key is gone.
    #[must_use]
    pub fn recall(&self, row: &Session) -> Option<Arc<Proof>> {
        let id = SessionId::parse(&row.begun.id)?;
        let until = Validity::until(Timestamp::from_secs(row.begun.expires));
        let secrets = Secrets::open(&row.begun.secret, &self.seals.secrets, &id)?;
        // A refresh takes evidence from the sign-in's record, so that the last ID token alone doesn't say all.
        let newest = self.newest(row, &id).filter(|record| record.vocabulary == self.vocabulary);
        let claims = match newest {
            Some(record) => Claims::restore(record.claims, until)?,
            None => Claims::of_kept_token(&secrets.id_token, until)?,
        };
        Some(Arc::new(self.verifier.prove_kept(&claims)))
    }

    /// The record that the last refresh stored.
    fn newest(&self, row: &Session, id: &SessionId) -> Option<Record> {
        self.open_stored(id, &row.begun.evidence)
    }
}
