//! What a caller showed, and what of it proves MFA.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::product::Product;
use super::revocation::Revocable;
use super::roles::{RoleRules, RolesFound};
use super::seen::Seen;
use super::sender::Possession;
use super::user_kind::UserKind;
use crate::token::{Amr, AuthTime, Binding, Claim, Claims, HomeRule, Principal, TokenError, Validity};
pub use crate::token::{Predicate, Test};

/// What authentication found. It never refuses; it tells [`super::decide`] what there is.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// No credential, or none of a kind the gateway knows.
    None,
    /// A credential that isn't a valid token.
    Invalid(TokenError),
    /// A token that can't be verified, because the issuer's keys are unavailable: the gateway's failure, not the
    /// caller's.
    KeysUnavailable,
    /// A token that only its issuer can read, and the issuer can't be asked.
    IntrospectionUnavailable,
    /// A session that may have ended on another replica, because the store of sessions has been unavailable for too long.
    SessionsUnavailable,
    /// A valid token, or a session.
    Token(Arc<Proof>),
}

/// What a verified token proves: the few facts a decision and its explanation need.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What the configuration says of the issuer.
    pub issuer: Arc<IssuerProfile>,
    /// Who calls.
    pub principal: Principal,
    /// The user's name for people, such as `upn`. It proves nothing, and no decision reads it.
    pub name: Option<Box<str>>,
    /// What the user is. No decision reads it.
    pub kind: UserKind,
    /// The tenant (`tid`).
    pub tenant: Option<String>,
    /// The tenant where the user's identity is kept: another one than `tenant` for a guest, and for somebody who acts on
    /// behalf of a customer. `None` if it isn't known.
    pub home: Option<String>,
    /// The token's version (`ver`).
    pub version: Option<String>,
    /// How the user authenticated.
    pub amr: Amr,
    /// What the issuer's rule made of the claims.
    pub mfa: MfaFinding,
    /// What the token says in the claims that the rule reads; see [`Proof::claims`].
    pub seen: Box<[Seen]>,
    /// The caller's roles.
    pub roles: RolesFound,
    /// When the user authenticated.
    pub auth_time: AuthTime,
    /// When the token is valid.
    pub validity: Validity,
    /// What the token is bound to, if it is bound to its sender.
    pub binding: Option<Box<Binding>>,
    /// What the request has shown of its sender. A cached proof has none, so that a bound token is worth nothing by itself.
    pub possession: Option<Box<Possession>>,
    /// Whether the client handles claims challenges.
    pub handles_claims_challenge: bool,
    /// The texts of the claims that the issuer's profile tells to upstreams, in its order; `None` for one that is absent.
    pub told: Box<[Option<Vec<String>>]>,
    /// What it is known by to those who revoke.
    pub revocable: Revocable,
    /// What is made of it and kept with it.
    pub attached: Attached,
}

/// What somebody outside the domain makes of a proof and keeps with it for as long as the proof is cached, such as the
/// header fields that name the caller to an upstream. No decision reads it.
#[derive(Clone, Debug, Default)]
pub struct Attached(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Attached {
    /// What is attached, made on the first use. `None` if something of another type was attached before.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Arc::new(make())).downcast_ref()
    }
}

/// What the configuration says of an issuer, as far as decisions and refusals need it.
#[derive(Clone, Debug, Default)]
pub struct IssuerProfile {
    /// Its configured name.
    pub name: String,
    /// What proves MFA.
    pub mfa: MfaRule,
    /// What gives roles.
    pub roles: RoleRules,
    /// What names its users' home tenants.
    pub home: HomeRule,
    /// How its callers are refused, if it says so.
    pub dialect: Option<super::Dialect>,
    /// How far its clock may be ahead of ours: a sign-in that lies further ahead proves no age.
    pub clock_skew: std::time::Duration,
    /// Where Entra's clients are sent for step-up.
    pub authorization_uri: Option<String>,
    /// The claims that upstreams receive.
    pub told: Vec<super::ToldClaim>,
    /// What its users and sessions are known by to those who revoke; `None` if nobody does.
    pub event_names: Option<super::EventNames>,
    /// Which product the issuer is, for advice.
    pub product: Product,
    /// What stands for all that its configuration asks of a token before the rule reads it. Decisions that are made again
    /// compare it.
    pub fingerprint: String,
}

/// What an issuer's rule makes of a token's claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MfaFinding {
    /// The claims prove MFA.
    Proven,
    /// None of the claims that could prove it is in the token.
    Absent,
    /// The claims are there, and don't prove it; or one that could deny it has another JSON type.
    Missing,
    /// A claim that the rule denies is there.
    Denied,
}

impl MfaFinding {
    /// The word for it in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Absent => "absent",
            Self::Missing => "missing",
            Self::Denied => "denied",
        }
    }

    /// The finding with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Proven, Self::Absent, Self::Missing, Self::Denied].into_iter().find(|finding| finding.name() == name)
    }
}

/// An issuer's rule of what proves MFA: one of `any`, all of `all`, none of `deny`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaRule {
    /// One of these must hold, unless there are none.
    pub any: Vec<Predicate>,
    /// All of these must hold.
    pub all: Vec<Predicate>,
    /// None of these may hold.
    pub deny: Vec<Predicate>,
    /// How long ago the user may have authenticated.
    pub max_age: Option<Duration>,
}

impl Default for MfaRule {
    /// Partner Center's rule: `amr` holds `mfa`.
    fn default() -> Self {
        let predicate = Predicate { claim: vec!["amr".to_owned()], test: Test::Contains("mfa".to_owned()) };
        Self { any: vec![predicate], all: Vec::new(), deny: Vec::new(), max_age: None }
    }
}

impl MfaRule {
    /// The values to request from the issuer: those that `acr` may have, or if the rule isn't about `acr`, those of the other
    /// claims. Values that can't stand in a challenge are left out.
    #[must_use]
    pub fn acr_values(&self) -> Vec<&str> {
        let predicates = || self.any.iter().chain(&self.all);
        let on_acr = |predicate: &&Predicate| predicate.claim == ["acr"];
        let only_acr = predicates().any(|predicate| on_acr(&predicate));
        let asked = predicates().filter(|predicate| !only_acr || on_acr(predicate));
        let values = asked.map(|predicate| match &predicate.test {
            Test::Equals(value) | Test::Contains(value) => value.as_str(),
        });
        // Spaces separate the values, and they are in a quoted string.
        let usable = |value: &&str| value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        values.filter(usable).collect()
    }

    /// Reads the claims.
    #[must_use]
    pub fn evaluate(&self, claims: &Claims) -> MfaFinding {
        self.judge(|path| claims.at(path))
    }

    pub(super) fn judge<'c>(&self, claim: impl Fn(&[String]) -> Option<Claim<'c>>) -> MfaFinding {
        let holds = |predicate: &Predicate| claim(&predicate.claim).is_some_and(|claim| predicate.test.holds(claim));
        if self.deny.iter().any(holds) {
            return MfaFinding::Denied;
        }
        // Of what should say whether MFA was bypassed, nothing can be read. That is not the same as silence.
        let unread = |denied: &Predicate| {
            claim(&denied.claim).is_some_and(|found| {
                !self.deny.iter().any(|other| other.claim == denied.claim && other.test.reads(found))
            })
        };
        if self.deny.iter().any(unread) {
            return MfaFinding::Missing;
        }
        let wanted = !self.any.is_empty() || !self.all.is_empty();
        if wanted && (self.any.is_empty() || self.any.iter().any(holds)) && self.all.iter().all(holds) {
            return MfaFinding::Proven;
        }
        if self.any.iter().chain(&self.all).all(|predicate| claim(&predicate.claim).is_none()) {
            MfaFinding::Absent
        } else {
            MfaFinding::Missing
        }
    }
}

impl fmt::Display for MfaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("", &self.any, " or ", ""), ("", &self.all, " and ", ""), ("not (", &self.deny, " or ", ")")];
        let mut between = "";
        for (before, predicates, word, after) in lists.into_iter().filter(|(_, predicates, ..)| !predicates.is_empty())
        {
            f.write_str(std::mem::replace(&mut between, "; "))?;
            f.write_str(before)?;
            for (at, predicate) in predicates.iter().enumerate() {
                f.write_str(if at > 0 { word } else { "" })?;
                predicate.fmt(f)?;
            }
            f.write_str(after)?;
        }
        Ok(())
    }
}

impl Proof {
    /// A user of this issuer, of whom nothing else is known.
    #[cfg(test)]
    pub(super) fn of_user(issuer: IssuerProfile) -> Self {
        let (app, user) = (crate::token::App { id: None }, crate::token::User { id: None });
        Self::of(Arc::new(issuer), Principal::AppUser(app, user))
    }

    /// An application that proved its name by something else than a token, such as a client certificate.
    #[must_use]
    pub fn of_application(issuer: Arc<IssuerProfile>, id: String) -> Self {
        Self::of(issuer, Principal::AppOnly(crate::token::App { id: Some(id) }))
    }

    fn of(issuer: Arc<IssuerProfile>, principal: Principal) -> Self {
        Self {
            issuer,
            principal,
            name: None,
            kind: UserKind::Ordinary,
            tenant: None,
            home: None,
            version: None,
            amr: Amr::Absent,
            mfa: MfaFinding::Absent,
            seen: Box::default(),
            roles: RolesFound::default(),
            auth_time: AuthTime::Absent,
            validity: Validity::always(),
            binding: None,
            possession: None,
            handles_claims_challenge: false,
            told: Box::default(),
            revocable: Revocable::default(),
            attached: Attached::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn finding(rule: &MfaRule, claims: &Value) -> MfaFinding {
        rule.judge(|path| path.iter().try_fold(Claim::from(claims), |claim, name| claim.get(name)))
    }

    fn equals(claim: &str, value: &str) -> Predicate {
        Predicate { claim: vec![claim.to_owned()], test: Test::Equals(value.to_owned()) }
    }

    #[test]
    fn the_default_is_an_exact_element_of_amr() {
        let rule = MfaRule::default();
        assert_eq!(finding(&rule, &json!({"amr": ["pwd", "mfa"]})), MfaFinding::Proven);
        for other in [
            json!(["pwd"]),
            json!([]),
            json!("mfa"),
            json!(["MFA"]),
            json!(["wiaormfa"]),
            json!([" mfa"]),
            json!(["mfa", 1]),
            json!([["mfa"]]),
            json!({"mfa": true}),
            json!(null),
        ] {
            assert_eq!(finding(&rule, &json!({ "amr": other })), MfaFinding::Missing, "{other}");
        }
        for elsewhere in [json!({}), json!({"AMR": ["mfa"]}), json!({"acr": "mfa"}), json!({"amr ": ["mfa"]})] {
            assert_eq!(finding(&rule, &elsewhere), MfaFinding::Absent, "{elsewhere}");
        }
    }

    #[test]
    fn any_all_and_deny_combine() {
        let rule = MfaRule {
            any: vec![equals("acr", "a"), equals("acr", "b")],
            all: vec![equals("region", "eu")],
            deny: vec![equals("acr", "bypass"), equals("via", "bypass")],
            max_age: None,
        };
        assert_eq!(finding(&rule, &json!({"acr": "b", "region": "eu"})), MfaFinding::Proven);
        assert_eq!(finding(&rule, &json!({"acr": "b"})), MfaFinding::Missing);
        assert_eq!(finding(&rule, &json!({"acr": "b", "region": "eu", "via": "bypass"})), MfaFinding::Denied);
        assert_eq!(finding(&rule, &json!({})), MfaFinding::Absent);
        let text = "acr equals a or acr equals b; region equals eu; not (acr equals bypass or via equals bypass)";
        assert_eq!(rule.to_string(), text);
        for odd in [json!(1), json!(null), json!(["bypass"]), json!({"via": "bypass"})] {
            let claims = json!({"acr": "b", "region": "eu", "via": odd});
            assert_eq!(finding(&rule, &claims), MfaFinding::Missing, "{claims}");
        }
        let deny_alone = MfaRule { any: vec![], all: vec![], ..rule };
        assert_eq!(finding(&deny_alone, &json!({"acr": "b"})), MfaFinding::Absent);
        assert_eq!(deny_alone.to_string(), "not (acr equals bypass or via equals bypass)");
    }
}
