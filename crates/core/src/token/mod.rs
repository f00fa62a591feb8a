//! Tokens: from the wire to verified claims.
//!
//! A token goes one way: [`Unverified::parse`] takes the compact form apart, [`Unverified::verify`] checks signature,
//! issuer, audience and time, in that order, and only then are there [`Claims`]; [`Principal::classify`] reads from
//! them who the caller is. Everything that a token library leaves open (types of claims, duplicate names, `crit`,
//! `typ`,
//! which key may verify which algorithm) is checked here.
//!
//! What an issuer makes for one of its clients goes a way of its own, with the same keys and the same strictness:
//! [`UnverifiedIdToken`] leads to an [`IdToken`], [`UnverifiedLogoutToken`] to a [`LogoutToken`], and
//! [`UnverifiedSecurityEvent`] to a [`SecurityEventToken`]. None of them passes for an access token, nor an access token for
//! one of them.
//!
//! A token may be bound to a key or a certificate of its sender: [`Binding`] reads to which. A [`DpopProof`] shows the key.
//!
//! Signatures are verified through `jsonwebtoken`'s `Verifier`, one for each key and algorithm, in our own
//! implementation, which parses a key once. The tests ask `aws-lc-rs` itself for a second opinion, and `jsonwebtoken`'s
//! own verifiers for a third: they accept the signatures that [`Key`] accepts, and no others.
//!
//! The module is pure: no async, no I/O, and time is an argument.

mod algorithm;
mod amr;
mod app_only;
mod auth_time;
mod binding;
mod claim;
mod claims;
mod class;
mod client_error;
mod client_rules;
mod compact;
mod condition;
#[cfg(test)]
mod documents;
mod dpop;
mod dpop_error;
mod dpop_nonce;
mod entries;
mod error;
mod expected;
mod home;
mod id_token;
mod introspection;
mod issuer;
mod issuer_index;
mod issuer_rules;
mod json;
mod jwk;
mod kept;
mod key;
mod key_error;
mod key_hint;
mod key_set;
mod logout_token;
mod material;
mod names;
mod object;
mod own_proof;
mod predicate;
mod principal;
#[cfg(test)]
mod second_opinion;
mod security_event;
mod security_event_error;
mod security_event_kind;
mod security_event_subject;
#[cfg(test)]
mod signed;
mod skipped;
mod subject_key;
mod target;
mod thumbprint;
mod token_hash;
mod user_claims;
mod validity;
#[cfg(test)]
mod vectors;
mod verifiers;
mod verify;
mod withheld;

pub use algorithm::Algorithm;
pub use amr::Amr;
pub use app_only::AppOnlyProof;
pub use auth_time::{AuthTime, AuthTimeForm};
pub use binding::Binding;
pub use claim::Claim;
pub use claims::Claims;
pub use class::{ApplicationClaims, ClassProof, ClassRule};
pub use client_error::ClientTokenError;
pub use client_rules::{ClientTokenRules, MAX_TOKEN_AGE};
pub use compact::Unverified;
pub use condition::{Condition, Must};
pub use dpop::{DpopProof, DpopRules, ProvenRequest};
pub use dpop_error::{DpopError, ProofClaim};
pub use dpop_nonce::DpopNonces;
pub use error::{Check, TokenError};
pub use expected::{ExpectedIdToken, Occasion};
pub use home::HomeRule;
pub use id_token::{IdToken, UnverifiedIdToken};
pub use introspection::{Introspection, IntrospectionError, UnverifiedIntrospection};
pub use issuer::{Cloud, EntraVersion, IssuerRule, Tenants, is_guid};
pub use issuer_index::IssuerIndex;
pub use issuer_rules::IssuerRules;
pub use kept::Keep;
pub use key::Key;
pub use key_error::KeyError;
pub use key_hint::KeyHint;
pub use key_set::KeySet;
pub use logout_token::{LOGOUT_EVENT, LogoutToken, UnverifiedLogoutToken};
pub use own_proof::OwnProof;
pub use predicate::{Predicate, Test};
pub use principal::{App, Principal, User};
pub use security_event::{SecurityEvent, SecurityEventRules, SecurityEventToken, UnverifiedSecurityEvent};
pub use security_event_error::SecurityEventError;
pub use security_event_kind::{EventKind, Until};
pub use security_event_subject::{Identifier, Subject};
pub use skipped::{KeySetError, MAX_ENTRIES, Skipped};
pub use subject_key::SubjectKey;
pub use target::Target;
pub use thumbprint::Thumbprint;
pub use validity::Validity;
pub use verify::{Genuine, TokenRules};
