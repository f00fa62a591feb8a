//! Who a token speaks for: an application alone, or an application and a user.

use super::{Claims, ClassRule, TokenError};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An application by itself, proven.
    AppOnly(App),
    /// A user, through an application.
    AppUser(App, User),
}

/// The calling application, if the token names one.
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

impl Principal {
    /// Tells from verified claims who calls.
    ///
    /// # Errors
    ///
    /// If the token says both app-only and user, `idtyp` is a word that isn't known, or the application isn't named by a
    /// text.
    pub fn classify(claims: &Claims, rule: &ClassRule) -> Result<Self, TokenError> {
        let app = App { id: rule.application.read(claims)?.map(str::to_owned) };
        if rule.is_app_only(claims)? {
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

/// An empty text names nobody.
fn owned(claims: &Claims, name: &str) -> Option<String> {
    claims.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::token::object::Object;
    use crate::token::{AppOnlyProof, Validity};

    fn principal(claims: &Value) -> Principal {
        Principal::classify(&Claims::new(Object::of(claims), Validity::always()), &AppOnlyProof::Entra.into()).unwrap()
    }

    #[test]
    fn an_application_alone_has_no_user_and_everybody_else_has_one() {
        let id = |id: &str| Some(id.to_owned());
        let alone = principal(&json!({"idtyp": "app", "azp": "a", "oid": "o", "sub": "o"}));
        assert_eq!((alone.class(), alone.app().id.clone(), alone.user()), ("app_only", id("a"), None));
        let user = principal(&json!({"appid": "a", "oid": "o", "sub": "s"}));
        assert_eq!(
            (user.class(), user.app().id.clone(), user.user()),
            ("app_user", id("a"), Some(&User { id: id("o") }))
        );
        assert_eq!(principal(&json!({"sub": "s"})).user(), Some(&User { id: id("s") }));
        assert_eq!(principal(&json!({"oid": "", "sub": "s"})).user(), Some(&User { id: id("s") }));
        assert_eq!(principal(&json!({})).user(), Some(&User { id: None }));
    }
}
