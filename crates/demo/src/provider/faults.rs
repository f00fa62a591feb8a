//! What the provider does wrong on request: every fault that a relying party must survive.
//!
//! Tests in Rust change [`Faults`]; others send the same names as JSON to the provider itself. `POST /faults` merges
//! (RFC 7396) into what is set, `GET /faults` shows it, and `DELETE /faults` makes the provider honest again. A body must
//! be sent as `application/json`, which no page of another site can do unasked.
//!
//! | Fault | JSON |
//! |---|---|
//! | a step-up without MFA, or `acr_values` ignored | `{"sign_in": {"mfa": "skipped"}}` |
//! | MFA done without a page | `{"sign_in": {"mfa": "pressed"}}` |
//! | another user than the one who was asked for | `{"sign_in": {"user": "trent"}}` |
//! | a stale `auth_time`, or one in the future | `{"id_token": {"relative": {"auth_time": -7200}}}` |
//! | no `auth_time`, `exp`, `iat`, `amr`, `sub` | `{"id_token": {"claims": {"auth_time": null}}}` |
//! | `amr` as a string, `mfa` in another claim | `{"id_token": {"claims": {"amr": "mfa", "mth": ["mfa"]}}}` |
//! | an empty `sub`, a number as `sub` | `{"id_token": {"claims": {"sub": 7}}}` |
//! | another `aud`, several, with or without `azp` | `{"id_token": {"claims": {"aud": ["a", "b"], "azp": "a"}}}` |
//! | an ID token that has expired on arrival | `{"id_token": {"relative": {"exp": -300}}}` |
//! | a wrong, missing or replayed nonce | `{"id_token": {"nonce": "replayed"}}` |
//! | a wrong or missing `at_hash` | `{"id_token": {"at_hash": "wrong"}}` |
//! | another key under the same id, `none`, HS256 | `{"id_token": {"key": "foreign"}}`, `"none"`, `"secret"` |
//! | an unknown `crit`, an unknown key id | `{"id_token": {"header": {"crit": ["x"], "x": 1, "kid": "y"}}}` |
//! | a logout token or an access token as ID token | `{"id_token": {"kind": "logout_token"}}` |
//! | groups overage, or many groups | `{"id_token": {"overage": true}}`, `{"id_token": {"groups": 200}}` |
//! | no `iss` in the response, a foreign or wrong one, two | `{"authorize": {"iss": "twice"}}` |
//! | an error, without `state`, with a code | `{"authorize": {"error": "access_denied", "state": "missing", "code_too": true}}` |
//! | a parameter twice | `{"authorize": {"repeat": "code"}}` |
//! | a late response | `{"authorize": {"delay_ms": 5000}}` |
//! | a token endpoint that is slow, fails, redirects, never ends | `{"token": {"delay_ms": 20000}}`, `{"token": {"status": 503, "times": 2}}`, `{"token": {"instead": "endless"}}`, `"redirect"`, `"stalled"`, `"garbage"`, `"hang_up"` |
//! | a response without a member | `{"token": {"body": {"id_token": null}}}` |
//! | a refresh that is refused, with a `suberror` | `{"refresh": {"status": 400, "body": {"error": "invalid_grant", "suberror": "bad_token"}}}` |
//! | one of Entra's errors, at one tenant's endpoint, once | `{"refresh": {"aadsts": 50076, "tenant": "0c39d6d5-…", "times": 1}}` |
//! | throttling | `{"token": {"aadsts": 90055, "retry_after": 5}}` |
//! | a refresh whose response gets lost | `{"refresh": {"late": true, "instead": "hang_up"}}` |
//! | a refreshed ID token of someone else | `{"refreshed_id_token": {"claims": {"sub": "other"}}}` |
//! | a refreshed ID token that has `amr` | `{"refreshed_id_token": {"claims": {"amr": ["pwd", "mfa"]}}}` |
//! | refresh tokens that stay the same, may be used twice, end early | `{"refresh_token": {"kept": true, "reusable": true, "lifetime_secs": 60}}` |
//! | MFA that runs out ("remember MFA") | `{"refresh_token": {"mfa_lifetime_secs": 60}}` |
//! | PAR required | `{"require_pushed": true}` |
//! | logout tokens in wrong forms | `{"logout_token": {"claims": {"nonce": "n"}}}`, and all of `id_token` |
//! | discovery and key documents | `{"discovery": {"instead": "garbage"}}`, `{"keys": {"status": 500}}` |

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::fault_set::{FaultSet, ResponseFault};
use super::shape::Shape;

/// The faults of a running provider.
#[derive(Debug, Default)]
pub struct Faults(Mutex<FaultSet>);

impl Faults {
    /// Changes what is wrong.
    pub fn change(&self, change: impl FnOnce(&mut FaultSet)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is wrong now.
    #[must_use]
    pub fn now(&self) -> FaultSet {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the provider honest again.
    pub fn reset(&self) {
        self.change(|faults| *faults = FaultSet::default());
    }

    /// Merges JSON into what is wrong (RFC 7396).
    ///
    /// # Errors
    ///
    /// If it names a fault that doesn't exist.
    pub fn merge(&self, patch: &Value) -> Result<(), serde_json::Error> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut merged = serde_json::to_value(&*set)?;
        merge(&mut merged, patch, 0);
        *set = serde_json::from_value(merged)?;
        Ok(())
    }

    /// The fault of one response, counted as having happened.
    pub(crate) fn response(&self, shape: Shape, of: impl FnOnce(&mut FaultSet) -> &mut ResponseFault) -> ResponseFault {
        let here = |tenant: &str| shape.tenant.is_some_and(|here| here.id == tenant);
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = of(&mut set);
        if !fault.tenant.as_deref().is_none_or(here) {
            return ResponseFault::default();
        }
        match &mut fault.times {
            Some(0) => ResponseFault::default(),
            Some(times) => {
                *times -= 1;
                fault.clone()
            }
            None => fault.clone(),
        }
    }
}

/// How deep the names of faults go; below, a null is a value like any other.
const DEPTH: usize = 2;

fn merge(into: &mut Value, patch: &Value, depth: usize) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) if depth < DEPTH => {
            for (name, value) in patch {
                merge(into.entry(name.as_str()).or_insert(Value::Null), value, depth + 1);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::fault_set::NonceFault;

    #[test]
    fn json_merges_into_what_is_set() {
        let faults = Faults::default();
        faults.merge(&json!({ "id_token": { "nonce": "wrong", "claims": { "amr": null } } })).unwrap();
        faults.merge(&json!({ "token": { "status": 503, "times": 1 } })).unwrap();
        let now = faults.now();
        assert_eq!((now.id_token.nonce, now.token.status), (NonceFault::Wrong, Some(503)));
        assert_eq!(now.id_token.claims.get("amr"), Some(&Value::Null));
        faults.reset();
        assert_eq!(faults.now(), FaultSet::default());
    }

    #[test]
    fn a_fault_that_does_not_exist_is_refused_and_changes_nothing() {
        let faults = Faults::default();
        assert!(faults.merge(&json!({ "require_pushed": true, "id_token": { "nonsense": 1 } })).is_err());
        assert_eq!(faults.now(), FaultSet::default());
    }

    #[test]
    fn a_fault_happens_as_often_as_it_is_told() {
        let faults = Faults::default();
        faults
            .change(|set| set.token = ResponseFault { status: Some(500), times: Some(2), ..ResponseFault::default() });
        let statuses = [(); 3].map(|()| faults.response(Shape::GENERIC, |set| &mut set.token).status);
        assert_eq!(statuses, [Some(500), Some(500), None]);
    }
}
