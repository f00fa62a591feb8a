//! Why a layer can't be made.

use mfa_gateway_core::token::KeySetError;
use mfa_gateway_keys::FetchError;

/// Why a [`MfaGateway`](super::MfaGateway) can't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No issuer is trusted, so no token would be accepted.
    #[error("no issuer is trusted: add one")]
    NoIssuer,
    /// Without an audience, tokens for any service would be accepted.
    #[error("the issuer {issuer} has no audience: add the service's identifiers as they appear in `aud`")]
    NoAudience {
        /// The issuer's name.
        issuer: String,
    },
    /// No tenant is trusted.
    #[error("the issuer {issuer} has no tenant: add the ids of the tenants")]
    NoTenant {
        /// The issuer's name.
        issuer: String,
    },
    /// Two issuers have one name.
    #[error("two issuers have the name {issuer}: name one of them differently")]
    NameTaken {
        /// The name.
        issuer: String,
    },
    /// Two issuers accept the same `iss`.
    #[error("the issuer {issuer} accepts an `iss` that another one accepts, too: merge the two")]
    Ambiguous {
        /// The name of one of them.
        issuer: String,
    },
    /// An address is no URL.
    #[error("an address of the issuer {issuer} is no URL")]
    Address {
        /// The issuer's name.
        issuer: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// Keys would be fetched without TLS.
    #[error("the keys of the issuer {issuer} would be fetched without TLS from {url}: use https")]
    Insecure {
        /// The issuer's name.
        issuer: String,
        /// The address.
        url: String,
    },
    /// The given keys are unusable.
    #[error("the given keys of the issuer {issuer} are unusable")]
    Keys {
        /// The issuer's name.
        issuer: String,
        /// Why.
        source: KeySetError,
    },
    /// Nothing can be fetched.
    #[error("the keys of the issuer {issuer} can't be fetched")]
    Fetch {
        /// The issuer's name.
        issuer: String,
        /// Why.
        source: FetchError,
    },
    /// An exception would be for everybody.
    #[error("the exception {id} names neither a user nor an application: name one")]
    ExceptionForAll {
        /// The exception's id.
        id: String,
    },
    /// The keys have to be fetched, and nothing may be.
    #[error("the keys of the issuer {issuer} are not given: give them with `jwks`, or call `build`")]
    Offline {
        /// The issuer's name.
        issuer: String,
    },
    /// The tasks that refresh keys have nowhere to run.
    #[error("there is no tokio runtime: call `build` inside of one")]
    NoRuntime,
}
