//! Pushed authorization requests (RFC 9126).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::OAuthError;
use super::form::Form;
use super::grants::secret;
use mfa_gateway_core::clock::Timestamp;

/// How long a pushed request is good for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(90);
/// What the addresses of pushed requests start with (RFC 9126 §2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// Requests beyond this many push out the oldest.
const MAX_PUSHED: usize = 20_000;

/// The requests that were pushed and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Pushed(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    uri: String,
    client: &'static str,
    expires: Timestamp,
    form: Form,
}

impl Pushed {
    /// Keeps a request of a client that proved itself, and returns its `request_uri`.
    pub(crate) fn keep(&self, client: &'static str, form: Form, now: Timestamp) -> Result<String, OAuthError> {
        if form.get("request_uri").is_some() {
            return Err(OAuthError::invalid_request("a pushed request has no request_uri"));
        }
        if form.get("client_id").is_some_and(|id| id != client) {
            return Err(OAuthError::invalid_request("client_id differs from the client that authenticated"));
        }
        let uri = format!("{PREFIX}{}", secret::<24>()?);
        let mut pushed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pushed.len() >= MAX_PUSHED {
            pushed.pop_front();
        }
        pushed.push_back(Kept { uri: uri.clone(), client, expires: now.plus(LIFETIME), form });
        Ok(uri)
    }

    /// Takes a request out, so that it is used once (RFC 9126 §7.3).
    pub(crate) fn take(&self, uri: &str, client: Option<&str>, now: Timestamp) -> Option<Form> {
        let mut pushed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = pushed.iter().position(|kept| kept.uri == uri)?;
        let kept = pushed.remove(position)?;
        (client == Some(kept.client) && now < kept.expires).then_some(kept.form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::PORTAL_CLIENT_ID;

    const NOW: Timestamp = Timestamp::from_secs(1_549_088_552);

    #[test]
    fn a_pushed_request_is_used_once_by_its_client_in_time() {
        let pushed = Pushed::default();
        let push = || pushed.keep(PORTAL_CLIENT_ID, Form::parse(b"state=s"), NOW).unwrap();
        let uri = push();
        assert_eq!(pushed.take(&uri, Some(PORTAL_CLIENT_ID), NOW).unwrap().get("state"), Some("s"));
        assert!(pushed.take(&uri, Some(PORTAL_CLIENT_ID), NOW).is_none());
        assert!(pushed.take(&push(), Some("other"), NOW).is_none());
        assert!(pushed.take(&push(), Some(PORTAL_CLIENT_ID), NOW.plus(LIFETIME)).is_none());
    }

    #[test]
    fn a_pushed_request_does_not_point_to_another() {
        assert!(Pushed::default().keep(PORTAL_CLIENT_ID, Form::parse(b"request_uri=urn:x"), NOW).is_err());
    }
}
