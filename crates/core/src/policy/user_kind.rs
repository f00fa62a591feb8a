//! What a user is, beyond a person: for reports, never for a decision.

use crate::token::Claims;

/// The directory roles of the accounts that synchronise a directory (Microsoft Entra, *built-in roles*): *Directory
/// Synchronization Accounts* and *On Premises Directory Sync Account*. No other account has them.
const SYNCHRONISE: [&str; 2] = ["d29b2b05-8046-44ba-8758-1e26182fcf32", "a92aed5d-d78a-4d16-b381-09adb37eb3b0"];

/// What a user is. The rule knows nothing of it: who synchronises a directory needs MFA like everybody, or an exception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserKind {
    /// A person, or what signs in like one.
    #[default]
    Ordinary,
    /// The account that synchronises a directory, by its role in `wids`.
    DirectorySync,
}

impl UserKind {
    /// What a user with these claims is.
    #[must_use]
    pub fn of(claims: &Claims) -> Self {
        let synchronises = |role: &&str| SYNCHRONISE.iter().any(|one| one.eq_ignore_ascii_case(role));
        let claim = claims.get("wids");
        let roles = claim.as_ref().and_then(|claim| claim.strings()).unwrap_or_default();
        if roles.iter().any(synchronises) { Self::DirectorySync } else { Self::Ordinary }
    }

    /// The word for it; none for an ordinary one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Ordinary => None,
            Self::DirectorySync => Some("directory_sync"),
        }
    }

    /// The kind of this name. One that only a later version knows is ordinary.
    #[must_use]
    pub fn from_name(name: Option<&str>) -> Self {
        if name == Self::DirectorySync.name() { Self::DirectorySync } else { Self::Ordinary }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_synchronises_a_directory_is_known_by_the_role() {
        let of = |wids: serde_json::Value| UserKind::of(&Claims::of(&json!({"wids": wids})));
        let [sync, on_premises] = SYNCHRONISE;
        let global_administrator = "62e90394-69f5-4237-9190-012177145e10";
        assert_eq!(of(json!([global_administrator, sync])), UserKind::DirectorySync);
        assert_eq!(of(json!([on_premises.to_uppercase()])), UserKind::DirectorySync);
        for other in [json!([global_administrator]), json!([]), json!(sync), json!(null), json!([sync, 1])] {
            assert_eq!(of(other), UserKind::Ordinary);
        }
        for kind in [UserKind::Ordinary, UserKind::DirectorySync] {
            assert_eq!(UserKind::from_name(kind.name()), kind);
        }
        assert_eq!(UserKind::from_name(Some("robot")), UserKind::Ordinary);
    }
}
