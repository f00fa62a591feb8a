//! How an issuer's tokens tell applications from users.

use super::app_only::is_app_only;
use super::error::NAMED;
use super::{AppOnlyProof, Claims, OwnProof, TokenError};

/// How the class and the application are read from an issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRule {
    /// What proves a token app-only.
    pub proof: ClassProof,
    /// The claims that name the application: the first that is there.
    pub application: ApplicationClaims,
}

/// What proves a token app-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassProof {
    /// A proof that the gateway knows.
    Known(AppOnlyProof),
    /// The issuer's own.
    Own(OwnProof),
}

/// The claims that name the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationClaims {
    /// `appid`, `azp`, `client_id`; else `cid`.
    Usual,
    /// These; the first that is there.
    Named(Vec<String>),
}

const USUAL: [&str; 3] = ["appid", "azp", "client_id"];

impl From<AppOnlyProof> for ClassRule {
    /// The rule with this proof, and the usual claims for the application.
    fn from(proof: AppOnlyProof) -> Self {
        Self { proof: ClassProof::Known(proof), application: ApplicationClaims::Usual }
    }
}

impl ClassRule {
    pub(super) fn is_app_only(&self, claims: &Claims) -> Result<bool, TokenError> {
        match &self.proof {
            ClassProof::Known(proof) => is_app_only(claims, *proof),
            // What no application calls with isn't an application's.
            ClassProof::Own(proof) => Ok(proof.holds(claims)? && self.application.read(claims)?.is_some()),
        }
    }
}

impl ApplicationClaims {
    /// The application's id.
    ///
    /// # Errors
    ///
    /// If a claim that is read isn't a text.
    pub(super) fn read<'c>(&self, claims: &'c Claims) -> Result<Option<&'c str>, TokenError> {
        let text = |name: &str, called| {
            claims.get(name).map(|claim| claim.as_str().ok_or(TokenError::ClaimMalformed(called))).transpose()
        };
        match self {
            Self::Usual => {
                let [one, two, three] = USUAL.map(|name| text(name, name));
                match one?.or(two?).or(three?) {
                    None => text("cid", "cid"),
                    found => Ok(found),
                }
            }
            Self::Named(names) => names.iter().find_map(|name| text(name, NAMED).transpose()).transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::object::Object;
    use crate::token::{Condition, Must, Test, Validity};

    fn claims(value: &Value) -> Claims {
        Claims::new(Object::of(value), Validity::always())
    }

    #[test]
    fn the_application_is_the_first_claim_that_is_there_and_a_text() {
        let read = |rule: &ApplicationClaims, value: Value| rule.read(&claims(&value)).map(|id| id.map(str::to_owned));
        let id = |id: &str| Ok(Some(id.to_owned()));
        let usual = ApplicationClaims::Usual;
        assert_eq!(read(&usual, json!({"azp": "a", "cid": 7})), id("a"));
        assert_eq!(read(&usual, json!({"client_id": "c", "azp": "a"})), id("a"));
        assert_eq!(read(&usual, json!({"cid": "0oa1"})), id("0oa1"));
        assert_eq!(read(&usual, json!({"sub": "s"})), Ok(None));
        for name in ["appid", "azp", "client_id", "cid"] {
            assert_eq!(read(&usual, json!({ name: 7 })), Err(TokenError::ClaimMalformed(name)));
        }
        let named = ApplicationClaims::Named(vec!["app".to_owned(), "cid".to_owned()]);
        assert_eq!(read(&named, json!({"cid": "0oa1", "azp": 7})), id("0oa1"));
        assert_eq!(read(&named, json!({"cid": 7, "app": "a"})), id("a"));
        assert_eq!(read(&named, json!({"cid": 7})), Err(TokenError::ClaimMalformed(NAMED)));
    }

    #[test]
    fn an_issuers_own_proof_needs_all_conditions_no_sign_of_a_user_and_an_application() {
        let condition = |claim: &str, must| Condition { claim: vec![claim.to_owned()], must };
        let rule = ClassRule {
            proof: ClassProof::Own(OwnProof {
                all: vec![condition("gty", Must::Pass(Test::Equals("client-credentials".to_owned())))],
                none: vec![condition("person", Must::BePresent)],
                ignore: vec!["preferred_username".to_owned()],
            }),
            application: ApplicationClaims::Usual,
        };
        let judge = |changes: Value| {
            let mut value = json!({"gty": "client-credentials", "azp": "a", "preferred_username": "service"});
            for (name, change) in changes.as_object().unwrap() {
                value[name] = change.clone();
            }
            rule.is_app_only(&claims(&value))
        };
        assert_eq!(judge(json!({})), Ok(true));
        assert_eq!(judge(json!({"amr": [], "acr": "1", "scope": "read", "idtyp": "app"})), Ok(true));
        for user in [
            json!({"gty": "password"}),
            json!({"gty": ["client-credentials"]}),
            json!({"gty": null}),
            json!({"person": "p"}),
            json!({"person": null}),
            json!({"PERSON": "p"}),
            json!({"name": "Jane"}),
            json!({"Preferred_Username": "jane"}),
            json!({"amr": ["pwd"]}),
            json!({"amr": "pwd"}),
            json!({"azp": ""}),
            json!({"azp": "a", "client_id": "b"}),
            json!({"AZP": "a"}),
            json!({"idtyp": "user"}),
            json!({"idtyp": null}),
        ] {
            assert_eq!(judge(user.clone()), Ok(false), "{user}");
        }
        assert_eq!(judge(json!({"idtyp": "device"})), Err(TokenError::ClassUnknown));
        let nobody = json!({"gty": "client-credentials", "sub": "x"});
        assert_eq!(rule.is_app_only(&claims(&nobody)), Ok(false), "no application");
    }
}
