//! Routing: which route a request is for.
//!
//! A [`Route`] is a pattern with what responds there and the [`mfa_gateway_core::policy::Rule`] that a caller has to meet. The
//! [`RouteTable`] finds it on the [`CanonicalPath`], the one spelling of a path that is checked and forwarded.

mod boundary;
mod code_pages;
mod consent_use;
mod cors;
mod encoding;
mod field_edits;
mod host;
mod hosts;
mod narrower;
mod path;
mod paths;
mod pattern;
mod readings;
mod rewrite;
mod route;
mod rule;
mod session_use;
mod spelling;
mod table;
mod template;
mod token_place;

pub use consent_use::{ConsentId, ConsentUse, TenantOf};
pub use cors::{AllowedHeaders, Cors, Origins};
pub use field_edits::FieldEdits;
pub use host::{HostError, HostPattern, canonical_host};
pub use path::CanonicalPath;
pub use paths::RouteError;
pub use pattern::Pattern;
pub use readings::Steps;
pub use rewrite::Rewrite;
pub use route::{RateLimitId, ReportedTenants, Responder, Route, RouteId, UpstreamId, segment};
pub use rule::{PathError, PathRule};
pub use session_use::{SessionUse, SignInId};
pub use table::RouteTable;
pub use token_place::TokenPlace;

pub(crate) use boundary::crossed;
pub(crate) use narrower::{named, takes_from};
pub(crate) use template::MAX_PARAMETERS;
