//! Whether what a refresh brought is of the user who consented, and of the tenant that it was wanted for.
//!
//! The issuer gave it over TLS. But issuers, and caches in front of them, have mixed people up before, and a program can't
//! know whose rights it uses.

use mfa_gateway_core::token::{ClientTokenError, ExpectedIdToken, IdToken, Occasion, Unverified, is_guid};
use mfa_gateway_layer::ClientVerifyError;
use mfa_gateway_store::Consent;

use super::issued::TokenError;
use super::keeper::Keeper;
use super::memory::Place;
use crate::oidc::Refreshed;

impl Keeper {
    /// Why a stored consent isn't the one that the configuration means: its refresh token is another client's, or acts for
    /// another user, and is sent nowhere.
    pub(super) fn misfit(&self, row: &Consent) -> Option<&'static str> {
        let settings = &self.settings;
        let is_home = settings.tenant.is_none() || settings.is_home(&row.tenant);
        let is_user = settings.user.as_ref().is_none_or(|user| *user == row.user);
        [
            (self.verifier.rules().issuer.names(&row.issuer), "other_issuer"),
            (settings.client.client_id == row.application, "other_client"),
            (is_home, "other_tenant"),
            (is_user, "other_user"),
        ]
        .into_iter()
        .find_map(|(fits, why)| (!fits).then_some(why))
    }

    /// Whether tokens are of the consent's user, and of the tenant that they were wanted for, as far as they say.
    ///
    /// # Errors
    ///
    /// If they aren't, or if that can't be found out.
    pub(super) async fn check_genuine(
        &self,
        row: &Consent,
        place: &Place,
        tokens: &Refreshed,
    ) -> Result<(), TokenError> {
        let is_home = self.is_at_home(place);
        let claims = Unverified::parse(&tokens.access_token).ok().map(Unverified::given);
        let says = |name| claims.as_ref().and_then(|claims| claims.text(name));
        let wanted = place.0.as_deref();
        if wanted.zip(says("tid")).is_some_and(|(wanted, came)| is_another(wanted, came)) {
            return Err(TokenError::Foreign("tenant"));
        }
        // A guest has another id in each tenant. `sub` is another one for each audience, or another kind of name: Entra's is
        // pairwise, and Okta's is the user's name in access tokens alone.
        if is_home && says("oid").is_some_and(|came| is_another(&row.user, came)) {
            return Err(TokenError::Foreign("user"));
        }
        match tokens.id_token.as_deref().filter(|_| is_home) {
            Some(id_token) => self.check_id_token(row, id_token, &tokens.access_token).await,
            None => Ok(()),
        }
    }

    async fn check_id_token(&self, row: &Consent, id_token: &str, access_token: &str) -> Result<(), TokenError> {
        let given = Unverified::parse(id_token).ok().map(Unverified::given);
        // The row keeps `oid` where there is one, so that `sub` is compared below.
        let subject = given.as_ref().and_then(|claims| claims.text("sub")).unwrap_or_default();
        let occasion = Occasion::Refresh { issuer: &row.issuer, subject, nonce: None };
        match self.verifier.id_token(id_token, &ExpectedIdToken { occasion, access_token }).await {
            Ok(verified) if is_of(&verified, &row.user) => Ok(()),
            Ok(_) => Err(TokenError::Foreign("user")),
            Err(ClientVerifyError::Invalid(ClientTokenError::Changed(_))) => Err(TokenError::Foreign("issuer")),
            Err(error) => {
                let consent = &self.settings.name;
                tracing::error!(consent, %error, "a refresh brought an ID token that is not acceptable");
                Err(TokenError::Issuer("its ID token can't be verified".to_owned()))
            }
        }
    }

    /// Whether a token is wanted of the tenant in which the consent was given.
    pub(super) fn is_at_home(&self, place: &Place) -> bool {
        place.0.as_deref().is_none_or(|tenant| self.settings.is_home(tenant))
    }
}

/// Whether an ID token is of the user who consented, as far as it says.
fn is_of(token: &IdToken, user: &str) -> bool {
    match token.claims().text("oid").filter(|oid| !oid.is_empty()) {
        Some(oid) => oid.eq_ignore_ascii_case(user) || token.subject() == user,
        // Without the scope `profile`, Entra leaves `oid` out, and `sub` is no name that was kept.
        None if token.claims().text("tid").is_some() => true,
        None => token.subject() == user,
    }
}

/// Whether two ids are known to be of two. Domains, and ids of other kinds, can't be compared.
fn is_another(one: &str, other: &str) -> bool {
    is_guid(one) && is_guid(other) && !one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_the_same_kind_are_compared() {
        let (one, two) = ("6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10", "4988e250-4a33-4d6f-9d3c-6f0a2d9be7c4");
        assert!(is_another(one, two));
        for (one, other) in [(one, one), (one, &*one.to_uppercase()), ("contoso.example", two), (one, "jane"), ("", "")]
        {
            assert!(!is_another(one, other), "{one} {other}");
        }
    }
}
