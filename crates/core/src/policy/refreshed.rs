//! What becomes of a session's proof when its tokens are refreshed.
//!
//! Nobody signs in for a refresh, so it brings no MFA and no newer time of sign-in, whatever the new token says (OpenID
//! Connect Core section 12.2). It may take MFA away. Many issuers leave `amr` out of refreshed tokens; that says nothing,
//! and what was found at the sign-in stays.

use super::evidence::{MfaFinding, Proof};
use crate::token::AuthTime;

impl Proof {
    /// This proof, of a refreshed token, with no more evidence than `before` had.
    #[must_use]
    pub fn refreshed(mut self, before: &Self) -> Self {
        if self.mfa == MfaFinding::Absent {
            self.mfa = before.mfa;
            self.amr.clone_from(&before.amr);
            self.seen.clone_from(&before.seen);
        } else if rank(self.mfa) > rank(before.mfa) {
            self.mfa = before.mfa;
        }
        // Nobody moves to another tenant by a refresh, and a token that leaves the claim out says nothing.
        self.home.clone_from(&before.home);
        self.auth_time = match (before.auth_time, self.auth_time) {
            (AuthTime::At(before), AuthTime::At(now)) => AuthTime::At(before.min(now)),
            (before, _) => before,
        };
        self
    }
}

fn rank(finding: MfaFinding) -> u8 {
    match finding {
        MfaFinding::Denied => 0,
        MfaFinding::Missing | MfaFinding::Absent => 1,
        MfaFinding::Proven => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::policy::IssuerProfile;
    use crate::token::Amr;

    fn proof(mfa: MfaFinding, auth_time: AuthTime, amr: &[&str]) -> Proof {
        let methods = amr.iter().map(|&method| method.to_owned()).collect();
        Proof {
            amr: if amr.is_empty() { Amr::Absent } else { Amr::Methods(methods) },
            mfa,
            auth_time,
            ..Proof::of_user(IssuerProfile::default())
        }
    }

    #[test]
    fn a_refresh_takes_mfa_away_and_never_adds_it() {
        use MfaFinding::{Absent, Denied, Missing, Proven};
        let after =
            |before, now| proof(now, AuthTime::Absent, &[]).refreshed(&proof(before, AuthTime::Absent, &["mfa"])).mfa;
        for before in [Proven, Missing, Absent, Denied] {
            assert_eq!(after(before, Absent), before, "silence changes nothing");
            assert_eq!(after(before, Proven), before, "a refresh is no MFA");
            assert_eq!(after(before, Denied), Denied);
        }
        assert_eq!((after(Proven, Missing), after(Denied, Missing)), (Missing, Denied));
    }

    #[test]
    fn what_a_refreshed_token_leaves_out_is_told_as_it_was_at_the_sign_in() {
        let before = proof(MfaFinding::Proven, AuthTime::Absent, &["mfa"]);
        let silent = proof(MfaFinding::Absent, AuthTime::Absent, &[]).refreshed(&before);
        assert_eq!(silent.amr.methods(), ["mfa"]);
        let less = proof(MfaFinding::Missing, AuthTime::Absent, &["pwd"]).refreshed(&before);
        assert_eq!(less.amr.methods(), ["pwd"]);
    }

    #[test]
    fn a_refresh_makes_no_guest_a_member() {
        let of = |home: Option<&str>| Proof {
            home: home.map(str::to_owned),
            ..proof(MfaFinding::Proven, AuthTime::Absent, &["mfa"])
        };
        assert_eq!(of(Some("own")).refreshed(&of(Some("partner"))).home.as_deref(), Some("partner"));
        assert_eq!(of(Some("own")).refreshed(&of(None)).home, None);
    }

    #[test]
    fn a_refresh_never_makes_the_sign_in_younger() {
        let at = |secs| AuthTime::At(Timestamp::from_secs(secs));
        let after = |before, now| {
            let none = MfaFinding::Absent;
            proof(none, now, &[]).refreshed(&proof(none, before, &[])).auth_time
        };
        assert_eq!((after(at(5), at(9)), after(at(5), at(3))), (at(5), at(3)));
        assert_eq!((after(at(5), AuthTime::Absent), after(at(5), AuthTime::Malformed)), (at(5), at(5)));
        assert_eq!(after(AuthTime::Absent, at(9)), AuthTime::Absent);
        assert_eq!(after(AuthTime::Malformed, at(9)), AuthTime::Malformed);
    }
}
