//! What security events say: those of the OpenID Continuous Access Evaluation Profile 1.0, and of RISC 1.0.

use serde_json::{Map, Value};

use super::SecurityEventError;

/// What an event's name begins with, by its specification.
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// An event, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// CAEP: a session was revoked.
    SessionRevoked,
    /// CAEP: a credential was created, changed or deleted.
    CredentialChange,
    /// CAEP: the assurance of an authentication is another.
    AssuranceLevelChange,
    /// CAEP: claims of tokens have changed.
    TokenClaimsChange,
    /// RISC: an account was disabled.
    AccountDisabled,
    /// RISC: an account was deleted for good.
    AccountPurged,
    /// RISC: the user must change a credential.
    CredentialChangeRequired,
    /// RISC: a credential was found elsewhere.
    CredentialCompromise,
    /// RISC: all sessions of an account were revoked.
    SessionsRevoked,
    /// Shared Signals: the transmitter tries the stream.
    Verification,
    /// Any other.
    Other,
}

/// Which tokens end: those that came about until the moment of the event, by which of their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// Those issued (`iat`) until then: the issuer has judged anew whom it issued later ones to.
    Issued,
    /// Those whose user signed in (`auth_time`) until then, however often they were refreshed since.
    SignedIn,
}

impl EventKind {
    /// All that may end something.
    pub const ALL: [Self; 9] = [
        Self::SessionRevoked,
        Self::CredentialChange,
        Self::AssuranceLevelChange,
        Self::TokenClaimsChange,
        Self::AccountDisabled,
        Self::AccountPurged,
        Self::CredentialChangeRequired,
        Self::CredentialCompromise,
        Self::SessionsRevoked,
    ];

    /// The event with this URI.
    #[must_use]
    pub fn of(uri: &str) -> Self {
        let of = |prefix: &str, kinds: &[Self]| {
            let name = uri.strip_prefix(prefix)?;
            kinds.iter().find(|kind| kind.name() == name).copied()
        };
        let (caep, risc) = Self::ALL.split_at(4);
        of(CAEP, caep).or_else(|| of(RISC, risc)).or_else(|| of(SSF, &[Self::Verification])).unwrap_or(Self::Other)
    }

    /// Its name, the last part of its URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::CredentialChange => "credential-change",
            Self::AssuranceLevelChange => "assurance-level-change",
            Self::TokenClaimsChange => "token-claims-change",
            Self::AccountDisabled => "account-disabled",
            Self::AccountPurged => "account-purged",
            Self::CredentialChangeRequired => "account-credential-change-required",
            Self::CredentialCompromise => "credential-compromise",
            Self::SessionsRevoked => "sessions-revoked",
            Self::Verification => "verification",
            Self::Other => "other",
        }
    }

    /// Which tokens it ends, given what it says; none if it takes nothing away.
    pub(super) fn ends(self, event: &Map<String, Value>) -> Result<Option<Until>, SecurityEventError> {
        let text = |name: &'static str| match event.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(SecurityEventError::Member(name)),
        };
        Ok(match self {
            Self::SessionRevoked | Self::AccountDisabled | Self::AccountPurged | Self::SessionsRevoked => {
                Some(Until::Issued)
            }
            Self::CredentialChangeRequired => Some(Until::SignedIn),
            Self::CredentialCompromise => {
                text("credential_type")?.ok_or(SecurityEventError::Member("credential_type"))?;
                Some(Until::SignedIn)
            }
            Self::CredentialChange => {
                text("credential_type")?.ok_or(SecurityEventError::Member("credential_type"))?;
                match text("change_type")? {
                    // One more way to sign in makes no earlier sign-in worth less.
                    Some("create") => None,
                    Some("revoke" | "update" | "delete") => Some(Until::SignedIn),
                    _ => return Err(SecurityEventError::Member("change_type")),
                }
            }
            Self::AssuranceLevelChange => {
                text("current_level")?.ok_or(SecurityEventError::Member("current_level"))?;
                match text("change_direction")? {
                    Some("increase") => None,
                    // It may be left out. Doubt ends more.
                    Some("decrease") | None => Some(Until::Issued),
                    Some(_) => return Err(SecurityEventError::Member("change_direction")),
                }
            }
            Self::TokenClaimsChange => match event.get("claims") {
                Some(Value::Object(_)) => Some(Until::Issued),
                _ => return Err(SecurityEventError::Member("claims")),
            },
            Self::Verification | Self::Other => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ends(kind: EventKind, event: &Value) -> Result<Option<Until>, SecurityEventError> {
        kind.ends(event.as_object().unwrap())
    }

    #[test]
    fn an_event_is_known_by_its_whole_uri_alone() {
        for kind in EventKind::ALL {
            let prefix = if EventKind::ALL[..4].contains(&kind) { CAEP } else { RISC };
            assert_eq!(EventKind::of(&format!("{prefix}{}", kind.name())), kind);
            for odd in [kind.name().to_owned(), format!("{prefix}{}/", kind.name()), format!("{SSF}{}", kind.name())] {
                assert_eq!(EventKind::of(&odd), EventKind::Other, "{odd}");
            }
        }
        assert_eq!(EventKind::of(&format!("{SSF}verification")), EventKind::Verification);
        assert_eq!(EventKind::of(&format!("{RISC}session-revoked")), EventKind::Other);
    }

    #[test]
    fn what_takes_nothing_away_ends_nothing() {
        let credential = |change: &str| json!({"credential_type": "password", "change_type": change});
        assert_eq!(ends(EventKind::CredentialChange, &credential("create")), Ok(None));
        for change in ["revoke", "update", "delete"] {
            assert_eq!(ends(EventKind::CredentialChange, &credential(change)), Ok(Some(Until::SignedIn)));
        }
        let level = |direction| json!({"current_level": "nist-aal1", "change_direction": direction});
        assert_eq!(ends(EventKind::AssuranceLevelChange, &level("increase")), Ok(None));
        assert_eq!(ends(EventKind::AssuranceLevelChange, &level("decrease")), Ok(Some(Until::Issued)));
        assert_eq!(ends(EventKind::AssuranceLevelChange, &json!({"current_level": "x"})), Ok(Some(Until::Issued)));
        assert_eq!(ends(EventKind::TokenClaimsChange, &json!({"claims": {}})), Ok(Some(Until::Issued)));
        assert_eq!(ends(EventKind::Other, &json!({"claims": 7})), Ok(None));
    }

    #[test]
    fn a_member_that_decides_something_is_what_the_specification_says() {
        let member = |name| Err(SecurityEventError::Member(name));
        for odd in [json!(null), json!(7), json!("Revoke"), json!("")] {
            let event = json!({"credential_type": "password", "change_type": odd});
            assert_eq!(ends(EventKind::CredentialChange, &event), member("change_type"), "{event}");
            let event = json!({"current_level": "x", "change_direction": odd});
            assert_eq!(ends(EventKind::AssuranceLevelChange, &event), member("change_direction"), "{event}");
        }
        assert_eq!(ends(EventKind::CredentialChange, &json!({"change_type": "create"})), member("credential_type"));
        assert_eq!(ends(EventKind::AssuranceLevelChange, &json!({})), member("current_level"));
        assert_eq!(ends(EventKind::TokenClaimsChange, &json!({"claims": []})), member("claims"));
    }
}
