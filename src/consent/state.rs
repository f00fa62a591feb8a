//! How a consent does.

/// Whether a consent can be used, and what it needs if it can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsentState {
    /// Nobody has given it yet.
    Absent,
    /// Its refresh token works, and its tokens have MFA.
    Alive,
    /// Its refresh token works, and its tokens don't have MFA.
    NoMfa,
    /// The issuer wants MFA again.
    ReconsentMfa,
    /// The refresh token was revoked, or has lapsed.
    Reconsent,
    /// The issuer doesn't accept the client's own credential.
    ClientCredential,
    /// The issuer blocks the person or the client.
    Blocked,
    /// The issuer gave tokens of another user or tenant for it.
    Foreign,
    /// It was withdrawn.
    Withdrawn,
    /// No key opens what is stored. This is found where it is read, and never stored.
    Sealed,
}

impl ConsentState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Absent,
        Self::Alive,
        Self::NoMfa,
        Self::ReconsentMfa,
        Self::Reconsent,
        Self::ClientCredential,
        Self::Blocked,
        Self::Foreign,
        Self::Withdrawn,
        Self::Sealed,
    ];

    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Alive => "alive",
            Self::NoMfa => "no_mfa",
            Self::ReconsentMfa => "reconsent_mfa",
            Self::Reconsent => "reconsent",
            Self::ClientCredential => "client_credential",
            Self::Blocked => "blocked",
            Self::Foreign => "foreign",
            Self::Withdrawn => "withdrawn",
            Self::Sealed => "sealed",
        }
    }

    /// The state of this name. One that a newer version has written is taken for the careful one.
    #[must_use]
    pub fn named(code: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.code() == code).unwrap_or(Self::Reconsent)
    }

    /// Whether its refresh token is worth a try.
    #[must_use]
    pub fn is_worth_a_try(self) -> bool {
        // A new secret or an unblocked account shows only in a try.
        matches!(self, Self::Alive | Self::NoMfa | Self::ClientCredential | Self::Blocked)
    }

    /// What to do about it; nothing if it is fine.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Absent => "Give the consent: `mfa-gateway consents give NAME`.",
            Self::Alive => "",
            Self::NoMfa => {
                "Require MFA of the account at the identity provider, and give the consent again: a refresh token without MFA \
                 can't access what requires MFA."
            }
            Self::ReconsentMfa => {
                "Give the consent again with MFA. If this recurs, a policy lets MFA expire (\"remember MFA\", sign-in \
                 frequency): except the account from it."
            }
            Self::Reconsent => {
                "Give the consent again: the refresh token was revoked, or not used for too long. A reset password revokes it."
            }
            Self::ClientCredential => {
                "Renew the client's certificate or secret at the identity provider and in the configuration. No consent has \
                 to be given again."
            }
            Self::Blocked => {
                "Ask the tenant's administrator why the account or the application is blocked or disabled."
            }
            Self::Foreign => {
                "Ask the issuer's support why a refresh gave another user's or tenant's token: the log has the request's id. Then \
                 give the consent again."
            }
            Self::Withdrawn => "Give the consent again, if the program is to go on.",
            Self::Sealed => {
                "Put the file of the key that sealed it back into `consent_keys`, and run `mfa-gateway rewrap` before it goes; \
                 or give the consent again."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in ConsentState::ALL {
            assert_eq!(ConsentState::named(state.code()), state);
            assert_eq!(state.remedy().is_empty(), state == ConsentState::Alive, "{state:?}");
        }
        assert_eq!(ConsentState::named("of the future"), ConsentState::Reconsent);
        assert!(!ConsentState::named("of the future").is_worth_a_try());
    }
}
