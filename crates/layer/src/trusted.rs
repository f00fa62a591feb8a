//! An issuer that a service trusts, as its code writes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mfa_gateway_core::policy::{Dialect, IssuerProfile, MfaRule, Product, Role, RoleRules, ToldClaim};
use mfa_gateway_core::token::{
    Algorithm, AppOnlyProof, AuthTimeForm, Cloud, HomeRule, IssuerRule, KeySet, Predicate, Tenants, TokenRules,
};
use mfa_gateway_keys::{KeyLocation, KeySettings, is_loopback};
use url::Url;

use super::error::BuildError;
use super::places;

/// An issuer that a service trusts.
///
/// ```
/// use mfa_gateway_layer::{Predicate, TrustedIssuer};
///
/// let issuer = TrustedIssuer::new("https://idp.example.com/")
///     .audience("https://api.example.com")
///     .role("operator", Predicate::contains("groups", "operators"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedIssuer {
    name: String,
    which: Which,
    keys: Keys,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    mfa: MfaRule,
    app_only: Option<AppOnlyProof>,
    clock_skew: Duration,
    roles: Vec<Role>,
    told: Vec<ToldClaim>,
    dialect: Option<Dialect>,
    allow_http: bool,
}

/// Which tokens are the issuer's.
#[derive(Clone, Debug)]
enum Which {
    Named(String),
    Entra(Cloud, Tenants),
}

/// Where the keys come from.
#[derive(Clone, Debug)]
enum Keys {
    Discovery,
    Uri(String),
    File(PathBuf),
    Given(String),
}

/// One `iss` rule of an issuer, and the source of its keys.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) profile: Arc<IssuerProfile>,
    pub(super) rules: TokenRules,
    pub(super) source_name: String,
    pub(super) keys: ResolvedKeys,
    pub(super) allow_http: bool,
}

/// The source of an issuer's keys.
#[derive(Clone, Debug)]
pub(super) enum ResolvedKeys {
    /// They are fetched, or read from a file.
    At(KeyLocation),
    /// They were given, as a JWK Set.
    Given(String),
    /// They are fetched by settings that were made elsewhere.
    As(Box<KeySettings>),
}

impl TrustedIssuer {
    /// The issuer that tokens name exactly so in `iss`. Its keys are found by OpenID Connect Discovery, unless they are
    /// given.
    pub fn new(iss: impl Into<String>) -> Self {
        let iss = iss.into();
        Self::with(iss.clone(), Which::Named(iss))
    }

    /// Microsoft Entra ID's worldwide cloud, with the tenants (their ids) whose tokens are trusted.
    pub fn entra<T: Into<String>>(tenants: impl IntoIterator<Item = T>) -> Self {
        let tenants = tenants.into_iter().map(|tenant| tenant.into().to_ascii_lowercase()).collect();
        Self::with("entra".to_owned(), Which::Entra(Cloud::Global, Tenants::Only(tenants)))
    }

    /// Microsoft Entra ID's worldwide cloud, with every tenant: for a service that decides by the tenant itself.
    pub fn entra_of_any_tenant() -> Self {
        Self::with("entra".to_owned(), Which::Entra(Cloud::Global, Tenants::Any))
    }

    fn with(name: String, which: Which) -> Self {
        Self {
            name,
            which,
            keys: Keys::Discovery,
            audiences: Vec::new(),
            algorithms: vec![Algorithm::Rs256],
            mfa: MfaRule::default(),
            app_only: None,
            clock_skew: Duration::from_secs(60),
            roles: Vec::new(),
            told: Vec::new(),
            dialect: None,
            allow_http: false,
        }
    }

    /// Its name in logs and exceptions, in place of `iss`.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Accepts tokens with this `aud`. An issuer needs at least one.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts these signature algorithms, in place of RS256 alone.
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// Takes the keys from this address, without discovery.
    pub fn jwks_uri(self, uri: impl Into<String>) -> Self {
        Self { keys: Keys::Uri(uri.into()), ..self }
    }

    /// Takes the keys from this file, which is read again when it changes.
    pub fn jwks_file(self, file: impl Into<PathBuf>) -> Self {
        Self { keys: Keys::File(file.into()), ..self }
    }

    /// Has these keys, a JWK Set (RFC 7517), and asks no network: for tests.
    pub fn jwks(self, document: impl Into<String>) -> Self {
        Self { keys: Keys::Given(document.into()), ..self }
    }

    /// Fetches keys without TLS from another machine, too. Only loopback is allowed otherwise.
    pub fn allow_http(self) -> Self {
        Self { allow_http: true, ..self }
    }

    /// What proves MFA, in place of `amr` with `mfa`.
    pub fn mfa(self, rule: MfaRule) -> Self {
        Self { mfa: rule, ..self }
    }

    /// What proves that a token is app-only. The default is Entra's proof for Entra, and any known proof for others.
    pub fn app_only(self, proof: AppOnlyProof) -> Self {
        Self { app_only: Some(proof), ..self }
    }

    /// How far the issuer's clock may differ. The default is a minute.
    pub fn clock_skew(self, skew: Duration) -> Self {
        Self { clock_skew: skew, ..self }
    }

    /// Gives a role to callers for whom the predicate holds. Predicates of one role add up.
    pub fn role(mut self, name: impl Into<Arc<str>>, predicate: Predicate) -> Self {
        self.roles.push(Role { name: name.into(), any: vec![predicate], granted_by: None });
        self
    }

    /// Keeps this claim for [`Caller::claim`](super::Caller::claim).
    pub fn claim(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.told.push(ToldClaim { claim: vec![name.clone()], field: name });
        self
    }

    /// How its callers are refused, where the requirement doesn't say.
    pub fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), ..self }
    }

    /// Checks it, and takes it apart into its `iss` rules.
    pub(super) fn resolve(self) -> Result<Vec<Resolved>, BuildError> {
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(BuildError::NoAudience { issuer: self.name });
        }
        let places = self.places()?;
        let is_entra = places.iter().any(|(rule, ..)| matches!(rule, IssuerRule::Entra { .. }));
        let product = match &self.which {
            _ if is_entra => Product::Entra,
            Which::Named(iss) => Product::of(iss),
            Which::Entra(..) => Product::Entra,
        };
        let profile = Arc::new(IssuerProfile {
            name: self.name.clone(),
            mfa: self.mfa,
            roles: RoleRules::new(self.roles),
            home: if is_entra { HomeRule::Entra } else { HomeRule::Unknown },
            dialect: self.dialect,
            clock_skew: self.clock_skew,
            authorization_uri: places.iter().find_map(|(rule, ..)| places::authorization_uri(rule)),
            told: self.told,
            // A service of others receives no security events.
            event_names: None,
            product,
            fingerprint: String::new(),
        });
        let app_only = self.app_only.unwrap_or(if is_entra { AppOnlyProof::Entra } else { AppOnlyProof::Any });
        let rules = TokenRules {
            issuer: IssuerRule::Exact(String::new()),
            required: Vec::new(),
            audiences: self.audiences,
            client_ids: Vec::new(),
            algorithms: self.algorithms,
            clock_skew: self.clock_skew,
            class: app_only.into(),
            auth_time: AuthTimeForm::Seconds,
        };
        let resolved = |(rule, keys, suffix): (IssuerRule, ResolvedKeys, &str)| Resolved {
            profile: Arc::clone(&profile),
            rules: TokenRules { issuer: rule, ..rules.clone() },
            source_name: format!("{}{suffix}", profile.name),
            keys,
            allow_http: self.allow_http,
        };
        Ok(places.into_iter().map(resolved).collect())
    }

    /// Its `iss` rules, and where the keys of each are.
    fn places(&self) -> Result<Vec<(IssuerRule, ResolvedKeys, &'static str)>, BuildError> {
        let given = match &self.keys {
            Keys::Discovery => None,
            Keys::Uri(uri) => Some(ResolvedKeys::At(KeyLocation::Jwks(self.url(uri)?))),
            Keys::File(file) => Some(ResolvedKeys::At(KeyLocation::File(file.clone()))),
            Keys::Given(document) => {
                let unusable = |source| BuildError::Keys { issuer: self.name.clone(), source };
                KeySet::parse(document.as_bytes(), None).map_err(unusable)?;
                Some(ResolvedKeys::Given(document.clone()))
            }
        };
        match &self.which {
            Which::Named(iss) => {
                let keys = match given {
                    Some(keys) => keys,
                    None => ResolvedKeys::At(self.discovery(iss)?),
                };
                Ok(vec![(IssuerRule::of(iss), keys, "")])
            }
            Which::Entra(_, Tenants::Only(tenants)) if tenants.is_empty() => {
                Err(BuildError::NoTenant { issuer: self.name.clone() })
            }
            Which::Entra(cloud, tenants) => {
                let place = |place: places::EntraPlace| {
                    (place.rule, given.clone().unwrap_or(ResolvedKeys::At(place.location)), place.suffix)
                };
                Ok(places::entra(*cloud, tenants).into_iter().map(place).collect())
            }
        }
    }

    fn discovery(&self, iss: &str) -> Result<KeyLocation, BuildError> {
        let location =
            places::discovery(iss).map_err(|source| BuildError::Address { issuer: self.name.clone(), source })?;
        if let KeyLocation::Discovery { url, .. } = &location {
            self.check(url)?;
        }
        Ok(location)
    }

    fn url(&self, text: &str) -> Result<Url, BuildError> {
        let url = Url::parse(text).map_err(|source| BuildError::Address { issuer: self.name.clone(), source })?;
        self.check(&url)?;
        Ok(url)
    }

    /// Somebody on the way could replace keys that come without TLS.
    fn check(&self, url: &Url) -> Result<(), BuildError> {
        let secure = url.scheme() == "https" || url.scheme() == "http" && (self.allow_http || is_loopback(url));
        if secure { Ok(()) } else { Err(BuildError::Insecure { issuer: self.name.clone(), url: url.to_string() }) }
    }
}
