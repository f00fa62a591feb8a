//! A proof of app-only that an issuer's configuration writes out.

use super::app_only::{agree, signs_of_user};
use super::condition::{all_hold, none_holds};
use super::user_claims::is_users;
use super::{Claim, Claims, Condition, TokenError};

/// A proof that an issuer's configuration writes out. What it doesn't mention stays a sign of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProof {
    /// All of these hold.
    pub all: Vec<Condition>,
    /// None of these holds.
    pub none: Vec<Condition>,
    /// Claims that are signs of a user elsewhere, but that this issuer's app-only tokens have, too.
    pub ignore: Vec<String>,
}

impl OwnProof {
    /// Whether a claim of this name, in whatever letter case, is a sign of a user without this proof.
    #[must_use]
    pub fn can_ignore(name: &str) -> bool {
        is_users(name) || name == "amr"
    }

    /// Whether the token is app-only. One that says that it is a user's never is.
    pub(super) fn holds(&self, claims: &Claims) -> Result<bool, TokenError> {
        match claims.get("idtyp").map(Claim::as_str) {
            None | Some(Some("app")) => {}
            Some(Some("user") | None) => return Ok(false),
            Some(Some(_)) => return Err(TokenError::ClassUnknown),
        }
        let ignored = |name: &str| self.ignore.iter().any(|one| one == name);
        let nobodys_amr = ignored("amr")
            || claims.get("amr").is_none_or(|amr| amr.strings().is_some_and(|methods| methods.is_empty()));
        // A claim that differs in letter case from one that must not hold would slip through.
        let misspelt = |name: &str| {
            let unlike =
                |one: &Condition| one.claim.first().is_some_and(|read| read.eq_ignore_ascii_case(name) && read != name);
            self.none.iter().any(unlike)
        };
        Ok(nobodys_amr
            && agree(claims, &["sub"], |id| !id.is_empty())
            && agree(claims, &["oid"], |id| !id.is_empty())
            && !signs_of_user(claims, ignored)
            && !claims.names().any(misspelt)
            && all_hold(&self.all, |path| claims.at(path))
            && none_holds(&self.none, claims))
    }
}
