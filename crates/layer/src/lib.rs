#![doc = include_str!("../README.md")]
//!
//! ## Layout
//!
//! [`MfaGateway`] has the issuers, their keys and the exceptions; [`MfaGateway::builder`] begins it from code. Its
//! [`layer`](MfaGateway::layer) takes a [`Requirement`] and makes an [`MfaLayer`], whose service [`Mfa`] permits or
//! refuses. A permitted request has a [`Caller`]; a refused one gets a [`Refusal`], whose body a service may word itself
//! ([`Refuse`]).
//!
//! Below that, and used by the gateway in the same way: an [`Authenticator`] looks at what a request presents and tells what
//! it proves. It never refuses: the decision has one place, [`mfa_gateway_core::policy::decide`]. A [`ClientVerifier`]
//! judges what an issuer makes for one client, ID tokens and logout tokens, with the same keys and the same rule of MFA.
//! [`Senders`] looks at what a request shows of its sender, for tokens that are bound to it.

mod authenticator;
#[cfg(feature = "axum")]
mod axum;
mod builder;
mod cache;
mod caller;
mod client;
mod credential;
mod error;
mod events;
mod gateway;
mod guard;
mod ids;
mod introspection;
mod issuer;
mod metrics;
pub mod places;
mod preview;
mod proof;
mod recent;
mod refusal;
mod refuse;
mod requirement;
mod resource;
mod seen_proofs;
mod sender;
mod service;
mod shared;
#[cfg(feature = "tonic")]
mod tonic;
mod trusted;

pub use authenticator::{Authenticator, Lookup, judge};
#[cfg(feature = "axum")]
pub use axum::NoLayer;
pub use builder::Builder;
pub use caller::Caller;
pub use client::{ClientVerifier, ClientVerifyError};
pub use credential::Credential;
pub use error::BuildError;
pub use events::{EventVerifier, EventVerifyError};
pub use gateway::MfaGateway;
pub use ids::Ids;
pub use introspection::SignedResponseError;
pub use issuer::Issuer;
pub use metrics::CacheMetrics;
pub use preview::Preview;
pub use refusal::{Expected, Refusal, Refusals, grpc_media_type};
pub use refuse::{Empty, Json, Refuse, Refused};
pub use requirement::Requirement;
pub use resource::ResourceMetadata;
pub use seen_proofs::SeenProofs;
pub use sender::{DPOP, DPOP_NONCE, SenderSettings, Senders, Sent};
pub use service::{Mfa, MfaLayer, ResponseFuture};
pub use trusted::TrustedIssuer;

pub use mfa_gateway_core::clock::{Clock, Timestamp};
pub use mfa_gateway_core::policy::{
    Activation, Denial, Dialect, Exception, Grounds, MfaRule, Mode, Predicate, Stage, Test,
};
pub use mfa_gateway_core::random::Random;
pub use mfa_gateway_core::token::{Algorithm, AppOnlyProof, TokenError};
