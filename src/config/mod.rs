//! Configuration: one YAML file becomes a [`Config`] that is always valid, or a list of all its problems.
//!
//! The file passes three gates, and each reports everything it finds. `tree` parses YAML and remembers where every
//! value stands. `structure` compares the tree with the JSON Schema that is also shipped for editors. `build`
//! makes the typed configuration. The holder of a [`Config`] has nothing left to check.

mod address;
mod admin;
mod admin_place;
mod algorithms;
mod assertion;
mod authorizers;
mod build;
mod certificates;
mod claims;
mod consent_callers;
mod consent_use;
mod consents;
mod context;
mod cors;
mod credential;
mod credentials;
mod delegations;
mod dpop;
mod exception_requests;
mod field_edits;
mod field_name;
mod file;
mod hosting;
mod introspection;
mod issuer;
mod issuer_names;
mod keys;
mod limits;
mod load;
mod mend;
mod names;
mod operators_sign_in;
mod outline;
mod pattern;
mod problem;
mod product;
mod rate_limit;
mod report;
mod resource;
mod roles;
mod route;
mod security_events;
mod sender;
mod serve;
mod server;
mod settings;
mod sign_in;
mod store;
mod structure;
mod suggest;
mod surroundings;
mod syntax;
mod tenant_endpoint;
mod tls;
mod token_claims;
mod token_from;
mod traces;
mod tree;
mod upstream;
mod values;
mod vendors;
mod waivers;

pub use admin::{Admin, AdminAuthentication, Operators};
pub use authorizers::Authorizer;
pub use certificates::Certificate;
pub use issuer::Issuer;
pub use operators_sign_in::OperatorsSignIn;
pub use problem::{ConfigError, Problem, Warning};
pub use settings::{Config, Drain, NonceSettings};
pub use structure::schema;
pub use surroundings::Purpose;

pub use crate::telemetry::{LogFormat, LogSettings, Output, TraceProtocol, TraceSettings};

pub(crate) use admin::hash;
pub(crate) use admin_place::{AdminPlace, admin_place};
