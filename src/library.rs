//! The library's rule from the gateway's configuration: for a service that leaves the gateway, or stands beside it.
//!
//! It takes what judges requests: issuers, roles, exceptions, stages, the content of refusals, and the rules of routes. It
//! stands here and not in the library, so that a service whose rule is code builds no parser of YAML, and no schema of
//! listeners and upstreams.
//!
//! Nothing becomes weaker in silence: a setting by which the gateway refuses requests, and a layer doesn't, is an error. What
//! forwards, routes, counts and logs is the service's own business.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let keys = folder.path().join("keys.json");
//! # std::fs::write(&keys, r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k",
//! #     "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#)?;
//! # let file = folder.path().join("gateway.yaml");
//! # std::fs::write(&file, format!("
//! # listeners: [{{ address: 127.0.0.1:8080 }}]
//! # issuers:
//! #   - {{ name: idp, issuer: 'https://idp.example/', audiences: [api], jwks_file: {keys:?}, algorithms: [ES256] }}
//! # upstreams: [{{ name: api, endpoints: ['http://127.0.0.1:8081'] }}]
//! # routes: [{{ prefix: /reports/, upstream: api }}]
//! # "))?;
//! let library = mfa_gateway::library::from_config(&file).await?;
//!
//! let reports = service_fn(async |_: Request<Full<Bytes>>| {
//!     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("reports")))
//! });
//! let reports = library.layer("/reports/")?.layer(reports);
//!
//! let response = reports.oneshot(Request::get("/reports/2026").body(Full::default())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use http::Method;
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::policy::{Context, SenderConstraint};
use mfa_gateway_core::random::Random;
use mfa_gateway_layer::{BuildError, MfaGateway, MfaLayer, Refusals, Requirement};

use crate::config::{Config, ConfigError, Warning};
use crate::routing::{Responder, Route, TokenPlace};

/// The rule of a configuration file.
#[derive(Debug)]
pub struct Library {
    gateway: MfaGateway,
    routes: Vec<Route>,
    warnings: Vec<Warning>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The file has problems.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file has something by which the gateway refuses or permits, and the library can't.
    #[error("the library can't honour `{field}`: {reason}; remove it, or use the gateway")]
    Unsupported {
        /// The setting.
        field: &'static str,
        /// What it would need.
        reason: &'static str,
    },
    /// A layer can't be made of it.
    #[error("the configuration can't be used by a library")]
    Build(#[from] BuildError),
}

/// Why a route has no layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The file has no such route.
    #[error(
        "the configuration has no such route: write its `path` or `prefix` as the file does, in place of `{route}`"
    )]
    Unknown {
        /// The route that was asked for.
        route: String,
    },
    /// It is for some methods alone, and others have another rule.
    #[error("the route `{route}` is for some methods alone: name the method with `layer_for`")]
    Methods {
        /// The route that was asked for.
        route: String,
    },
    /// Several routes of the name have different rules.
    #[error("the configuration has several routes `{route}` with different rules: give the service a file of its own")]
    Several {
        /// The route that was asked for.
        route: String,
    },
    /// It has something by which the gateway refuses requests, and a layer can't.
    #[error("a layer can't honour `{field}` of the route `{route}`: {reason}; remove it, or use the gateway")]
    Unsupported {
        /// The route that was asked for.
        route: String,
        /// The setting.
        field: &'static str,
        /// What it would need.
        reason: &'static str,
    },
}

/// Reads a configuration file of the gateway, and starts to refresh the keys. Variables in it come from the environment.
///
/// The file is read once: a change needs a restart of the service.
///
/// # Errors
///
/// If the file has problems or settings that the library can't honour, or there is no tokio runtime.
pub async fn from_config(file: &Path) -> Result<Library, LibraryError> {
    Library::new(Config::load(file)?, Clock::system(), Random::system()).await
}

impl Library {
    /// The rule of a configuration that was read.
    ///
    /// # Errors
    ///
    /// If it has settings that the library can't honour, or there is no tokio runtime.
    pub async fn new(config: Config, clock: Clock, random: Random) -> Result<Self, LibraryError> {
        if let Some((field, reason)) = unsupported(&config) {
            return Err(LibraryError::Unsupported { field, reason });
        }
        let builder = MfaGateway::builder()
            .clock(clock)
            .random(random)
            .waivers(config.waivers)
            .refusals(Refusals { dpop_algorithms: config.senders.algorithms(), ..config.refusals })
            .cache_bytes(config.token_cache_bytes)
            .token_bytes(config.token_bytes);
        let accepted = config.issuers.into_iter().filter(|issuer| issuer.for_access_tokens);
        let with_keys = accepted.filter_map(|issuer| Some((config.keys.get(issuer.keys)?.clone(), issuer)));
        let builder =
            with_keys.fold(builder, |builder, (keys, issuer)| builder.configured(issuer.profile, issuer.rules, keys));
        Ok(Self { gateway: builder.build().await?, routes: config.routes, warnings: config.warnings })
    }

    /// What the layers are made from.
    #[must_use]
    pub fn gateway(&self) -> &MfaGateway {
        &self.gateway
    }

    /// The remarks on the file, such as exceptions that end soon.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The layer of a route for all methods. The file writes the route so: its `path` or `prefix`.
    ///
    /// # Errors
    ///
    /// If there is no such route, or its rule isn't the same for all methods, or a layer can't honour it.
    pub fn layer(&self, route: &str) -> Result<MfaLayer, RouteError> {
        let named = self.named(route, |_| true)?;
        if named.iter().any(|one| one.methods.is_some()) {
            return Err(RouteError::Methods { route: route.to_owned() });
        }
        self.layer_of(route, &named)
    }

    /// The layer of a route for this method alone: the service has to lead no other through it.
    ///
    /// # Errors
    ///
    /// If there is no such route, or a layer can't honour it.
    pub fn layer_for(&self, method: &Method, route: &str) -> Result<MfaLayer, RouteError> {
        let named = self.named(route, |one| one.admits_method(method))?;
        self.layer_of(route, &named)
    }

    /// The routes of this name that are meant, each of which a layer can honour.
    fn named(&self, name: &str, is_meant: impl Fn(&Route) -> bool) -> Result<Vec<&Route>, RouteError> {
        let named = self.routes.iter().filter(|one| one.pattern.as_written() == name && is_meant(one));
        let named: Vec<&Route> = named.collect();
        if let Some((field, reason)) = named.iter().find_map(|one| unsupported_of(one)) {
            return Err(RouteError::Unsupported { route: name.to_owned(), field, reason });
        }
        if named.is_empty() { Err(RouteError::Unknown { route: name.to_owned() }) } else { Ok(named) }
    }

    /// The layer that all of them have.
    fn layer_of(&self, name: &str, routes: &[&Route]) -> Result<MfaLayer, RouteError> {
        let mut requirements = routes.iter().map(|one| requirement(one));
        let first = requirements.next();
        match first.filter(|first| requirements.all(|other| other == *first)) {
            Some(same) => Ok(self.gateway.layer(same)),
            None => Err(RouteError::Several { route: name.to_owned() }),
        }
    }
}

fn requirement(route: &Route) -> Requirement {
    let requirement = Requirement::from(route.rule.clone());
    match route.dialect {
        Some(dialect) => requirement.dialect(dialect),
        None => requirement,
    }
}

/// What of a configuration a library can't honour, and why.
fn unsupported(config: &Config) -> Option<(&'static str, &'static str)> {
    let settings = [
        (config.introspection.is_some(), "issuers[].introspection", "a layer reads tokens itself and asks no issuer"),
        (config.events.is_some(), "security_events", "no security event would end a token here"),
        (config.exception_requests.is_some(), "exception_requests", "exceptions in the store aren't known here"),
    ];
    settings.into_iter().find_map(|(is_set, field, reason)| is_set.then_some((field, reason)))
}

/// What of a route a layer can't honour, and why.
fn unsupported_of(route: &Route) -> Option<(&'static str, &'static str)> {
    let is_gateways = match route.responder {
        Responder::Upstream(_) | Responder::Authorizers => false,
        Responder::StatusReport(_) | Responder::TokenBroker | Responder::SecurityEvents => true,
    };
    let settings = [
        (is_gateways, "serve", "the gateway itself responds there"),
        (route.sessions.is_some(), "credential", "a layer knows no sessions"),
        (route.consent.is_some(), "credential", "a layer has no consents"),
        (route.token_from != TokenPlace::Authorization, "token_from", "a layer reads `Authorization` alone"),
        (
            route.rule.sender != SenderConstraint::Any,
            "sender_constrained",
            "a layer knows neither the address that a proof is for nor the client's certificate",
        ),
        (route.rule.context != Context::Any, "context", "a layer knows no delegations"),
        (route.rate_limit.is_some(), "rate_limit", "a layer counts no requests"),
        (route.body_bytes.is_some(), "body_bytes", "a layer reads no bodies"),
        (route.close_at_expiry, "at_expiry", "a layer ends no streams"),
    ];
    settings.into_iter().find_map(|(is_set, field, reason)| is_set.then_some((field, reason)))
}
