//! A sign-in seen from a tenant: what counts as MFA there, and what a refresh token gives in another one.

use super::error::OAuthError;
use super::grants::SignIn;
use super::shape::Shape;
use super::state::State;
use crate::people::{MFA, Person};
use crate::tenants::{Tenant, TenantMfa};

impl Shape {
    /// Whether MFA in these tenants is MFA for this person here.
    pub(crate) fn counts(self, person: &Person, mfa_in: &[String]) -> bool {
        match self.tenant {
            Some(tenant) => tenant.counts(&person.tenant_id, mfa_in),
            None => mfa_in.contains(&person.tenant_id),
        }
    }

    /// Whether this person has to do MFA here, whatever the application asks for.
    pub(crate) fn demands_mfa(self, person: &Person) -> bool {
        match self.foreign(person) {
            Some(tenant) => tenant.mfa == TenantMfa::Federated,
            None => person.always_completes_mfa(),
        }
    }

    /// The company whose own identity provider signs this person in here, if it is one.
    pub(crate) fn federated(self, person: &Person) -> Option<&str> {
        match self.foreign(person).filter(|tenant| tenant.mfa == TenantMfa::Federated) {
            Some(tenant) => Some(tenant.name),
            None => Some(person.company.as_str()).filter(|_| person.is_federated()),
        }
    }

    /// The tenant, if it isn't the person's own.
    pub(crate) fn foreign(self, person: &Person) -> Option<Tenant> {
        self.tenant.filter(|tenant| tenant.id != person.tenant_id)
    }
}

impl Person {
    /// The same person, signed in with or without MFA. Nobody's provider says more than it does.
    pub(crate) fn with_methods(mut self, mfa: bool) -> Self {
        if let Some(methods) = &mut self.amr {
            methods.retain(|method| method != MFA);
            methods.extend(mfa.then(|| MFA.to_owned()));
        }
        self
    }
}

impl SignIn {
    /// The same sign-in at the endpoint of a tenant, where a refresh token was redeemed.
    ///
    /// # Errors
    ///
    /// If nobody consented to the application there, or MFA is required and was done elsewhere.
    pub(crate) fn at(&self, state: &State, shape: Shape) -> Result<Self, OAuthError> {
        let Some(tenant) = shape.tenant else { return Ok(self.clone()) };
        if !state.consents.has(tenant, self.client.id) {
            return Err(OAuthError::aadsts(65001));
        }
        let mfa = shape.counts(&self.person, &self.mfa_in);
        if !mfa && shape.foreign(&self.person).is_some() && shape.demands_mfa(&self.person) {
            return Err(OAuthError::aadsts(50076));
        }
        let person = self.person.clone().with_methods(mfa);
        Ok(Self { person, shape, ..self.clone() })
    }
}
