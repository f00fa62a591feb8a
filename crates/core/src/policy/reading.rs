//! What an issuer's rule reads of a token, and how a token is judged that is at hand no more.

use std::borrow::Cow;

use super::evidence::{MfaFinding, MfaRule, Proof, Test};
use super::seen::Seen;
use crate::token::{Claim, Claims};

fn is_amr(path: &[String]) -> bool {
    path == ["amr"]
}

impl MfaRule {
    /// A claim's name, as people write it.
    #[must_use]
    pub fn name_of(path: &[String]) -> String {
        path.join(".")
    }

    /// The claims that the rule reads, each once.
    #[must_use]
    pub fn claims(&self) -> Vec<&[String]> {
        let mut claims: Vec<&[String]> = Vec::new();
        for predicate in self.any.iter().chain(&self.all).chain(&self.deny) {
            if !claims.contains(&&*predicate.claim) {
                claims.push(&predicate.claim);
            }
        }
        claims
    }

    /// What the token says in each of them, in their order.
    #[must_use]
    pub fn see(&self, claims: &Claims) -> Box<[Seen]> {
        let see = |path: &&[String]| match claims.at(path) {
            Some(claim) if is_amr(path) && claim.strings().is_some() => Seen::Amr,
            claim => Seen::of(claim),
        };
        let seen: Box<[Seen]> = self.claims().iter().map(see).collect();
        // Most rules read `amr` alone, which takes no second copy.
        if seen.iter().all(|one| *one == Seen::Amr) { Box::default() } else { seen }
    }

    /// Judges a token that is at hand no more by what was seen of it; else the claim that was not seen, or not whole.
    ///
    /// # Errors
    ///
    /// The first claim that the rule reads, and that `seen` doesn't have.
    pub fn evaluate_seen<'r, 's>(
        &'r self,
        seen: impl Fn(&[String]) -> Option<Cow<'s, Seen>>,
    ) -> Result<MfaFinding, &'r [String]> {
        let mut found = Vec::new();
        for claim in self.claims() {
            match seen(claim).map(Cow::into_owned) {
                Some(Seen::Whole(value)) => found.push((claim, Some(value))),
                Some(Seen::Absent) => found.push((claim, None)),
                Some(Seen::Cut(_) | Seen::Amr) | None => return Err(claim),
            }
        }
        let value = |path: &[String]| found.iter().find(|(claim, _)| *claim == path)?.1.as_ref();
        Ok(self.judge(|path| value(path).map(Claim::from)))
    }

    /// Whether every test of this claim is for an element of a list.
    #[must_use]
    pub fn tests_only_elements_of(&self, path: &[String]) -> bool {
        let mut tests = self.any.iter().chain(&self.all).chain(&self.deny).filter(|one| one.claim == path);
        tests.all(|one| matches!(one.test, Test::Contains(_)))
    }
}

impl Proof {
    /// Every claim that the issuer's rule reads, and what the token says in it.
    #[must_use]
    pub fn claims(&self) -> Vec<(&[String], Cow<'_, Seen>)> {
        let of = |(at, path)| {
            let seen = match self.seen.get(at) {
                Some(seen) if *seen != Seen::Amr => Cow::Borrowed(seen),
                _ if is_amr(path) => Cow::Owned(Seen::of_amr(&self.amr)),
                _ => Cow::Owned(Seen::Absent),
            };
            (path, seen)
        };
        self.issuer.mfa.claims().into_iter().enumerate().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::Predicate;

    #[test]
    fn what_was_seen_is_judged_as_the_token_was_or_not_at_all() {
        let predicate = |claim: &str, test| Predicate { claim: vec![claim.to_owned()], test };
        let rule = MfaRule {
            any: vec![
                predicate("amr", Test::Contains("mfa".to_owned())),
                predicate("acr", Test::Equals("gold".to_owned())),
            ],
            all: vec![],
            deny: vec![predicate("acr", Test::Equals("bypass".to_owned()))],
            max_age: None,
        };
        assert_eq!(rule.claims(), [["amr".to_owned()], ["acr".to_owned()]]);
        let judge = |amr: Option<Value>, acr: Option<Value>| {
            let seen =
                [("amr", amr), ("acr", acr)].map(|(name, value)| (name, Seen::of(value.as_ref().map(Claim::from))));
            rule.evaluate_seen(|path| {
                seen.iter().find(|(name, _)| path == [*name]).map(|(_, seen)| Cow::Owned(seen.clone()))
            })
        };
        assert_eq!(judge(Some(json!(["mfa"])), None), Ok(MfaFinding::Proven));
        assert_eq!(judge(None, Some(json!("gold"))), Ok(MfaFinding::Proven));
        assert_eq!(judge(None, Some(json!("1"))), Ok(MfaFinding::Missing));
        assert_eq!(judge(Some(json!(["mfa"])), Some(json!("bypass"))), Ok(MfaFinding::Denied));
        assert_eq!(judge(None, None), Ok(MfaFinding::Absent));
        assert_eq!(judge(Some(json!(["mfa", 1])), None), Ok(MfaFinding::Missing));
        let acr = ["acr".to_owned()];
        assert_eq!(judge(None, Some("x".repeat(300).into())), Err(&acr[..]));
        assert_eq!(rule.evaluate_seen(|path| (path == ["amr"]).then_some(Cow::Owned(Seen::Absent))), Err(&acr[..]));
    }
}
