//! Who a token speaks for: an application alone, or an application and a user.
//!
//! App-only tokens pass without MFA, so "app-only" needs positive proof, and whatever isn't proven counts as a user.
//! That there is no `scp` proves nothing: user tokens of applications with their own roles have none either. A token
//! that says both is refused.

use super::{Claims, TokenError};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An application by itself, proven.
    AppOnly(App),
    /// A user, through an application.
    AppUser(App, User),
}

/// The calling application: `appid`, `azp` or `client_id`, if the token has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The id, as it came.
    pub id: Option<String>,
}

/// The user: `oid`, or `sub` where the issuer has no `oid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id, as it came.
    pub id: Option<String>,
}

/// What proves that a token is app-only. Each is documented in `docs/tokens.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the configuration's own variants document them")]
pub enum AppOnlyProof {
    Entra,
    Idtyp,
    Rfc9068,
    Any,
    None,
}

/// Claims that only a token with a user has.
const USER_CLAIMS: [&str; 20] = [
    "scp",
    "upn",
    "unique_name",
    "preferred_username",
    "username",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "email",
    "phone_number",
    "acct",
    "onprem_sid",
    "puid",
    "altsecid",
    "login_hint",
    "auth_time",
    "sid",
    "nonce",
];

/// Claims that RFC 9068 section 2.2.1 keeps for tokens with a user. Entra puts `amr` into app-only tokens too.
const RFC9068_USER_CLAIMS: [&str; 2] = ["acr", "amr"];

impl Principal {
    /// Tells from verified claims who calls.
    ///
    /// # Errors
    ///
    /// If the token says both app-only and user, or `idtyp` is a word that isn't known.
    pub fn classify(claims: &Claims, proof: AppOnlyProof) -> Result<Self, TokenError> {
        let app = App { id: ["appid", "azp", "client_id"].iter().find_map(|name| owned(claims, name)) };
        if is_app_only(claims, proof)? {
            Ok(Self::AppOnly(app))
        } else {
            let id = owned(claims, "oid").or_else(|| owned(claims, "sub"));
            Ok(Self::AppUser(app, User { id }))
        }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &App {
        match self {
            Self::AppOnly(app) | Self::AppUser(app, _) => app,
        }
    }

    /// The user, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::AppOnly(_) => None,
            Self::AppUser(_, user) => Some(user),
        }
    }

    /// The word for it in logs, metrics and answers.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::AppOnly(_) => "app_only",
            Self::AppUser(..) => "app_user",
        }
    }
}

fn is_app_only(claims: &Claims, proof: AppOnlyProof) -> Result<bool, TokenError> {
    let user = USER_CLAIMS.iter().any(|name| claims.get(name).is_some());
    match claims.get("idtyp") {
        None => Ok(!user
            && match proof {
                AppOnlyProof::Entra => entra_proof(claims),
                AppOnlyProof::Rfc9068 => rfc9068_proof(claims),
                AppOnlyProof::Any => entra_proof(claims) || rfc9068_proof(claims),
                AppOnlyProof::Idtyp | AppOnlyProof::None => false,
            }),
        Some(value) => match value.as_str() {
            Some("app") if user => Err(TokenError::ClassContradicts),
            Some("app") => Ok(!matches!(proof, AppOnlyProof::Rfc9068 | AppOnlyProof::None)),
            Some("user") | None => Ok(false),
            Some(_) => Err(TokenError::ClassUnknown),
        },
    }
}

/// Entra's app-only tokens have the service principal as both object and subject, and the client authenticated with a
/// secret or a certificate. They never have a `scope`.
fn entra_proof(claims: &Claims) -> bool {
    let object_is_subject = claims.text("oid").is_some_and(|oid| claims.text("sub") == Some(oid));
    let named = claims.text("appid").or(claims.text("azp")).is_some();
    let acr = match (claims.get("appidacr"), claims.get("azpacr")) {
        (Some(acr), None) | (None, Some(acr)) => acr.as_str(),
        _ => None,
    };
    object_is_subject && named && matches!(acr, Some("1" | "2")) && claims.get("scope").is_none()
}

/// RFC 9068 section 2.2: without a resource owner `sub` is the client's own id. `scope` proves nothing there.
fn rfc9068_proof(claims: &Claims) -> bool {
    let subject_is_client = claims.text("client_id").is_some_and(|client| claims.text("sub") == Some(client));
    subject_is_client && RFC9068_USER_CLAIMS.iter().all(|name| claims.get(name).is_none())
}

fn owned(claims: &Claims, name: &str) -> Option<String> {
    claims.text(name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::Validity;

    fn class(claims: Value, proof: AppOnlyProof) -> Result<&'static str, TokenError> {
        let Value::Object(map) = claims else { unreachable!() };
        Principal::classify(&Claims::new(map, Validity::always()), proof).map(|principal| principal.class())
    }

    #[test]
    fn idtyp_decides_for_entra() {
        assert_eq!(class(json!({"idtyp": "app"}), AppOnlyProof::Entra), Ok("app_only"));
        assert_eq!(class(json!({"idtyp": "user"}), AppOnlyProof::Entra), Ok("app_user"));
        assert_eq!(class(json!({"idtyp": "device"}), AppOnlyProof::Entra), Err(TokenError::ClassUnknown));
        assert_eq!(class(json!({"idtyp": "App"}), AppOnlyProof::Entra), Err(TokenError::ClassUnknown));
        assert_eq!(class(json!({"idtyp": ["app"]}), AppOnlyProof::Entra), Ok("app_user"));
        assert_eq!(class(json!({"idtyp": "app"}), AppOnlyProof::None), Ok("app_user"));
    }

    #[test]
    fn a_contradiction_is_refused() {
        for marker in ["scp", "upn", "name", "acct", "auth_time"] {
            let claims = json!({"idtyp": "app", marker: ""});
            assert_eq!(class(claims, AppOnlyProof::Any), Err(TokenError::ClassContradicts), "{marker}");
        }
    }

    #[test]
    fn without_idtyp_entra_needs_every_part_of_the_proof() {
        let app = json!({"appid": "a", "appidacr": "1", "oid": "o", "sub": "o", "roles": ["r"]});
        assert_eq!(class(app.clone(), AppOnlyProof::Entra), Ok("app_only"));
        assert_eq!(class(app.clone(), AppOnlyProof::Idtyp), Ok("app_user"));
        for (name, value) in [
            ("appidacr", json!("0")),
            ("appidacr", json!(1)),
            ("azpacr", json!("0")),
            ("sub", json!("other")),
            ("oid", json!(null)),
            ("scp", json!("")),
            ("scope", json!("x")),
            ("upn", json!("x@y")),
        ] {
            let mut odd = app.clone();
            odd[name] = value;
            assert_eq!(class(odd.clone(), AppOnlyProof::Entra), Ok("app_user"), "{odd}");
        }
        assert_eq!(class(json!({"roles": ["r"], "appid": "a"}), AppOnlyProof::Entra), Ok("app_user"));
    }

    #[test]
    fn rfc_9068_compares_subject_and_client() {
        let app = json!({"client_id": "c", "sub": "c", "scope": "read"});
        assert_eq!(class(app.clone(), AppOnlyProof::Rfc9068), Ok("app_only"));
        assert_eq!(class(app.clone(), AppOnlyProof::Any), Ok("app_only"));
        assert_eq!(class(app, AppOnlyProof::Entra), Ok("app_user"));
        assert_eq!(class(json!({"client_id": "c", "sub": "u"}), AppOnlyProof::Rfc9068), Ok("app_user"));
        assert_eq!(class(json!({"client_id": "c", "sub": "c", "amr": []}), AppOnlyProof::Rfc9068), Ok("app_user"));
        assert_eq!(class(json!({"client_id": null, "sub": null}), AppOnlyProof::Rfc9068), Ok("app_user"));
        assert_eq!(class(json!({}), AppOnlyProof::Any), Ok("app_user"));
    }
}
