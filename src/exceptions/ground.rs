//! Why somebody asks for an exception: the list of common issues of "Mandating MFA for your partner tenant" (2019 and
//! 2020). Five of them are no grounds, and have their answers; two are, with their evidence.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gateway::Notice;

/// The ground of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ground {
    /// Third-party MFA is done, and can't be made to show in the token.
    ThirdPartyMfa,
    /// The client software can't do MFA.
    SoftwareWithoutMfa,
    /// There was no time yet. No ground.
    MoreTime,
    /// The accounts don't use delegated rights. No ground.
    NoDelegatedRights,
    /// The accounts are service accounts of devices. No ground.
    ServiceAccounts,
    /// The users have no phone. No ground.
    NoPhones,
    /// The clients use legacy authentication protocols. No ground.
    LegacyProtocols,
}

const MORE_TIME: Notice = no_ground(
    "More time is no ground for an exception (Mandating MFA, issue 1).",
    "Plan the roll-out, and let the users begin now: a user who registers for MFA when the sign-in asks for it gets access, even \
     before MFA is required of everybody.",
);

const NO_DELEGATED_RIGHTS: Notice = no_ground(
    "Accounts that don't use delegated rights need no exception (Mandating MFA, issue 2).",
    "Leave them as they are: nobody asks them for MFA as long as they don't act for a customer. To call this API, they need \
     MFA as everybody does.",
);

const SERVICE_ACCOUNTS: Notice = no_ground(
    "Service accounts are no ground for an exception (Mandating MFA, issue 3): no account is excluded.",
    "Give what runs without a person an application of its own with app-only tokens, where the route allows them, or a \
     refresh token from a sign-in with MFA (the secure application model).",
);

const NO_PHONES: Notice = no_ground(
    "Users without a phone are no ground for an exception (Mandating MFA, issue 4).",
    "Use a method without a phone: an authenticator program on the computer, a FIDO2 key, Windows Hello, a hardware token, or \
     a third-party MFA product that the identity provider recognises.",
);

const LEGACY_PROTOCOLS: Notice = no_ground(
    "Legacy authentication protocols are no ground for an exception (Mandating MFA, issue 5).",
    "Move the clients to modern authentication: nothing protects legacy protocols. Until then, app passwords let an old \
     client go on while its user does MFA everywhere else.",
);

const fn no_ground(description: &'static str, remedy: &'static str) -> Notice {
    Notice { status: StatusCode::UNPROCESSABLE_ENTITY, code: "exception_no_ground", description, remedy }
}

impl Ground {
    /// All of them, in the order in which a form asks.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::ThirdPartyMfa,
        Self::SoftwareWithoutMfa,
        Self::MoreTime,
        Self::NoDelegatedRights,
        Self::ServiceAccounts,
        Self::NoPhones,
        Self::LegacyProtocols,
    ];

    /// The word for it in requests, responses and the store.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ThirdPartyMfa => "third_party_mfa",
            Self::SoftwareWithoutMfa => "software_without_mfa",
            Self::MoreTime => "more_time",
            Self::NoDelegatedRights => "no_delegated_rights",
            Self::ServiceAccounts => "service_accounts",
            Self::NoPhones => "no_phones",
            Self::LegacyProtocols => "legacy_protocols",
        }
    }

    /// The answer, if it is no ground.
    pub(crate) fn answer(self) -> Option<&'static Notice> {
        match self {
            Self::ThirdPartyMfa | Self::SoftwareWithoutMfa => None,
            Self::MoreTime => Some(&MORE_TIME),
            Self::NoDelegatedRights => Some(&NO_DELEGATED_RIGHTS),
            Self::ServiceAccounts => Some(&SERVICE_ACCOUNTS),
            Self::NoPhones => Some(&NO_PHONES),
            Self::LegacyProtocols => Some(&LEGACY_PROTOCOLS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ground_has_one_name_and_those_that_are_none_have_an_answer_of_their_own() {
        let mut answers: Vec<&Notice> = Vec::new();
        for ground in Ground::ALL {
            assert_eq!(serde_json::to_value(ground).unwrap(), ground.name());
            answers.extend(ground.answer());
        }
        assert_eq!(answers.len(), 5);
        assert!(answers.iter().all(|one| answers.iter().filter(|other| other.remedy == one.remedy).count() == 1));
    }
}
