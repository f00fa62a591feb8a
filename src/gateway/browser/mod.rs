//! Browsers: people with sessions, on routes that take them.
//!
//! A route that takes sessions is served by [`visit`]: it reads the session, has the inner layers judge the request as any
//! other, and turns a refusal into what a browser can use: one redirect to the issuer, a page, or JSON for a script.
//! [`surface`] does the same for the operators' site.
//! [`own_paths`] serves the gateway's own paths: the callback, signing out, the issuer's logouts. The decision stays where
//! it is; here is nothing that permits.

mod again;
mod caching;
mod callback;
mod channels;
mod door;
mod form_proof;
mod json;
mod navigation;
mod own_paths;
mod own_request;
mod presented;
mod refuse;
mod sessions_page;
mod sign_out;
mod start;
mod surface;
mod tenant;
mod visit;

pub(crate) use door::Door;
pub(in crate::gateway) use own_paths::respond;
pub(in crate::gateway) use presented::{CredentialKind, Presented, SessionWatch};
pub(crate) use surface::{OperatorsDoor, SignedIn};
pub(in crate::gateway) use tenant::tenant;
pub(in crate::gateway) use visit::serve;
