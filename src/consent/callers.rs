//! The programs that may use consents.
//!
//! A program authenticates as itself: with an app-only token of an issuer, or with a client certificate. It is known by what
//! that proves, never by where it calls from. Users aren't callers here: they would act with somebody else's rights.

use std::collections::{BTreeSet, HashMap};

use mfa_gateway_core::policy::Proof;
use mfa_gateway_core::token::{Principal, is_guid};

use super::issued::Wanted;
use super::settings::ConsentSettings;

/// The name that a client certificate's proof has in the place of an issuer's. No issuer may have it.
pub const CERTIFICATE_ISSUER: &str = "client_certificate";

/// A program that may use consents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerSettings {
    /// Its name, in logs.
    pub name: String,
    /// What it is known by.
    pub known_by: KnownBy,
    /// The names of the consents that it may use.
    pub consents: BTreeSet<String>,
    /// The scopes that it may have access tokens for; each consent's own if it isn't said.
    pub scopes: Option<BTreeSet<String>>,
    /// The tenants that it may have access tokens of.
    pub tenants: CallerTenants,
    /// Whether it may have access tokens itself.
    pub tokens: bool,
    /// The rate limit that applies to it: its index in the configuration.
    pub rate_limit: Option<usize>,
}

/// What a program is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KnownBy {
    /// An app-only token.
    Token {
        /// The issuer's configured name.
        issuer: String,
        /// The tenant, in lower case; any that the issuer trusts if it isn't said.
        tenant: Option<String>,
        /// The application's id, as [`spelled`] writes it.
        application: String,
    },
    /// A name in its client certificate: a DNS name or a URI.
    Certificate(String),
}

/// The tenants that a program may have access tokens of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerTenants {
    /// The one in which the consent was given.
    Own,
    /// These, in lower case.
    Only(BTreeSet<String>),
    /// Any.
    Any,
}

/// Why a program gets no access token of a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It may not use the consent.
    Consent,
    /// Not for this scope.
    Scope,
    /// Not of this tenant.
    Tenant,
}

/// The programs, by what they are known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    all: Vec<CallerSettings>,
    places: HashMap<KnownBy, usize>,
}

impl Callers {
    /// These programs. Of two that are known by the same, the first counts; the configuration has no such two.
    #[must_use]
    pub fn new(all: Vec<CallerSettings>) -> Self {
        let places = all.iter().enumerate().rev().map(|(at, caller)| (caller.known_by.clone(), at)).collect();
        Self { all, places }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &CallerSettings> {
        self.all.iter()
    }

    /// The program that a proof is of.
    #[must_use]
    pub fn of(&self, proof: &Proof) -> Option<&CallerSettings> {
        let Principal::AppOnly(application) = &proof.principal else { return None };
        let id = application.id.as_deref()?;
        if proof.issuer.name == CERTIFICATE_ISSUER {
            return self.with_certificate([id]);
        }
        let known = |tenant: Option<String>| {
            let (issuer, application) = (proof.issuer.name.clone(), spelled(id));
            self.find(&KnownBy::Token { issuer, tenant, application })
        };
        let tenant = proof.tenant.as_deref().map(str::to_ascii_lowercase);
        tenant.and_then(|tenant| known(Some(tenant))).or_else(|| known(None))
    }

    /// The program whose client certificate has one of these names.
    pub fn with_certificate<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<&CallerSettings> {
        names.into_iter().find_map(|name| self.find(&KnownBy::Certificate(name.to_owned())))
    }

    fn find(&self, known: &KnownBy) -> Option<&CallerSettings> {
        self.all.get(*self.places.get(known)?)
    }
}

impl CallerSettings {
    /// The name in its client certificate, if it is known by one.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        match &self.known_by {
            KnownBy::Certificate(name) => Some(name),
            KnownBy::Token { .. } => None,
        }
    }

    /// Whether it may have an access token of a consent for this.
    ///
    /// # Errors
    ///
    /// If it may not; [`Forbidden`] says what is the matter.
    pub fn may_have(&self, consent: &ConsentSettings, wanted: &Wanted) -> Result<(), Forbidden> {
        if !self.consents.contains(&consent.name) {
            return Err(Forbidden::Consent);
        }
        let own = consent.scope.as_deref();
        // What isn't said is the consent's own.
        let is_scope = match (wanted.scope.as_deref().or(own), &self.scopes) {
            (scope, None) => scope == own,
            (scope, Some(scopes)) => scope.is_some_and(|scope| scopes.contains(scope)),
        };
        if !is_scope {
            return Err(Forbidden::Scope);
        }
        let tenant = wanted.tenant.as_deref().map(str::to_ascii_lowercase);
        let is_tenant = match &self.tenants {
            CallerTenants::Any => true,
            _ if tenant.is_none() || tenant == consent.tenant => true,
            CallerTenants::Own => false,
            CallerTenants::Only(tenants) => tenant.is_some_and(|tenant| tenants.contains(&tenant)),
        };
        if is_tenant { Ok(()) } else { Err(Forbidden::Tenant) }
    }
}

/// An application's id in the one spelling that is compared: letter case counts for nothing in Entra's, and for others it may.
#[must_use]
pub fn spelled(id: &str) -> String {
    if is_guid(id) { id.to_ascii_lowercase() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::settings::tests::settings;

    fn caller(tenants: CallerTenants, scopes: Option<&[&str]>) -> CallerSettings {
        CallerSettings {
            name: "job".to_owned(),
            known_by: KnownBy::Certificate("job.example".to_owned()),
            consents: ["nightly".to_owned()].into(),
            scopes: scopes.map(|scopes| scopes.iter().map(|scope| (*scope).to_owned()).collect()),
            tenants,
            tokens: false,
            rate_limit: None,
        }
    }

    fn wanted(tenant: Option<&str>, scope: Option<&str>) -> Wanted {
        Wanted { tenant: tenant.map(str::to_owned), scope: scope.map(str::to_owned) }
    }

    #[test]
    fn a_program_has_what_its_entry_lists_and_nothing_else() {
        let consent = settings("nightly");
        let (home, scope) = (consent.tenant.as_deref(), consent.scope.as_deref());
        let own = caller(CallerTenants::Own, None);
        assert_eq!(own.may_have(&consent, &wanted(None, None)), Ok(()));
        assert_eq!(own.may_have(&consent, &wanted(home.map(str::to_uppercase).as_deref(), scope)), Ok(()));
        assert_eq!(own.may_have(&consent, &wanted(Some("other"), None)), Err(Forbidden::Tenant));
        assert_eq!(own.may_have(&consent, &wanted(None, Some("other"))), Err(Forbidden::Scope));
        assert_eq!(own.may_have(&settings("other"), &wanted(None, None)), Err(Forbidden::Consent));
        let some = caller(CallerTenants::Only(["fabrikam".to_owned()].into()), Some(&["graph"]));
        assert_eq!(some.may_have(&consent, &wanted(Some("Fabrikam"), Some("graph"))), Ok(()));
        assert_eq!(some.may_have(&consent, &wanted(home, Some("graph"))), Ok(()), "the consent's own is always one");
        assert_eq!(some.may_have(&consent, &wanted(Some("x"), Some("graph"))), Err(Forbidden::Tenant));
        assert_eq!(some.may_have(&consent, &wanted(None, None)), Err(Forbidden::Scope), "the consent's isn't listed");
        assert_eq!(caller(CallerTenants::Any, None).may_have(&consent, &wanted(Some("x"), None)), Ok(()));
    }

    #[test]
    fn a_certificate_names_a_program_exactly() {
        let callers = Callers::new(vec![caller(CallerTenants::Own, None)]);
        let found = |names: &[&str]| callers.with_certificate(names.iter().copied()).map(|caller| caller.name.as_str());
        assert_eq!(found(&["other.example", "job.example"]), Some("job"));
        for other in ["JOB.example", "job.example.", "a.job.example", ""] {
            assert_eq!(found(&[other]), None, "{other}");
        }
    }
}
