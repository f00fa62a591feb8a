//! Resource owner password credentials (RFC 6749 §4.3), as Entra answers them: nobody is there who could do MFA.

use super::error::OAuthError;
use super::form::Form;
use super::grants::SignIn;
use super::grants::secret;
use super::request::SCOPES;
use super::shape::Shape;
use super::state::State;
use super::steps::hinted;
use crate::people::Client;

/// The sign-in of a program that shows a user's password. Any password will do.
///
/// # Errors
///
/// If the user is unknown, has to do MFA, or signs in at another identity provider.
pub(crate) fn sign_in(state: &State, shape: Shape, form: &Form, client: Client) -> Result<SignIn, OAuthError> {
    let (Some(name), Some(_)) = (form.get("username"), form.get("password")) else {
        return Err(OAuthError::aadsts(900_144));
    };
    let person = hinted(&state.people, name).ok_or_else(|| OAuthError::aadsts(50034))?;
    if shape.federated(person).is_some() {
        // Entra has no password of theirs to compare with.
        return Err(OAuthError::aadsts(50126));
    }
    if shape.demands_mfa(person) {
        return Err(OAuthError::aadsts(50076));
    }
    if shape.tenant.is_some_and(|tenant| !state.consents.has(tenant, client.id)) {
        return Err(OAuthError::aadsts(65001));
    }
    let now = state.clock.now();
    Ok(SignIn {
        person: person.clone().with_methods(false),
        mfa_in: Vec::new(),
        client,
        shape,
        sid: secret::<16>()?,
        time: now,
        granted: now,
        acr: "1".to_owned(),
        acrs: Vec::new(),
        scopes: form.words("scope").filter(|scope| SCOPES.contains(scope)).map(str::to_owned).collect(),
        audience: form.audience().map(str::to_owned),
        nonce: None,
    })
}
