//! The rule: what is required, what a caller showed, and the one function that decides.
//!
//! [`decide`] is total, synchronous and pure. The proxy, `explain` and every later face of the gateway call it; none
//! has a copy. It waives nothing but MFA findings: a token that doesn't verify is refused in every mode.

mod activation;
mod advice;
mod asked;
mod by_conditions;
mod context;
mod context_advice;
mod decide;
mod decision;
mod delegation;
mod evidence;
mod exception;
mod possession;
mod product;
mod reading;
mod refreshed;
mod remedy;
mod requirement;
mod revocation;
mod role_advice;
mod roles;
mod rule;
mod seen;
mod sender;
mod sender_advice;
mod told;
mod user_kind;

pub use activation::{Activation, Mode, Stage, StageSet};
pub use asked::Asked;
pub use context::Context;
pub use decide::{complies, decide};
pub use decision::{Decision, Denial, Grounds};
pub use delegation::{Delegated, Delegation, DelegationState, Delegations, Standing};
pub use evidence::{Attached, Evidence, IssuerProfile, MfaFinding, MfaRule, Predicate, Proof, Test};
pub use exception::{Exception, ExceptionSet, Granted, Waivers};
pub use product::Product;
pub use remedy::remedy;
pub use requirement::{AppOnlyRule, Dialect, Requirement};
pub use revocation::{EventNames, Revocable, Revocation, Revocations};
pub use roles::{Role, RoleRules, RolesFound};
pub use rule::Rule;
pub use seen::Seen;
pub use sender::{Possession, SenderConstraint, SenderError};
pub use told::ToldClaim;
pub use user_kind::UserKind;
