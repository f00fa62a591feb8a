//! The sessions of people, for operators: listed, looked at, and ended.
//!
//! A row tells who signed in, by which sign-in, and when. Neither a token nor a cookie is in any response, and not the
//! issuer's own `sid`: it is enough to end the session by the front channel.

mod asked;
mod detail;
mod end;
mod explained;
mod list;
mod not_ended;

pub(super) use asked::Asked;
pub(super) use detail::SessionDetail;
pub(super) use end::{EndQuestion, end, end_as};
pub(super) use explained::of_session;
pub(super) use list::{list, listed, one};

use std::sync::Arc;

use http::StatusCode;

use super::context::Admin;
use super::refused::Refused;
use crate::gateway::Notice;
use crate::session::Sessions;
use mfa_gateway_store::StoreError;

const NO_SIGN_IN: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_sign_in",
    description: "Nobody signs in at this gateway.",
    remedy: "Add `sign_in` to the configuration, and restart the gateway.",
};

const STORE_UNAVAILABLE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "store_unavailable",
    description: "The store of sessions does not respond.",
    remedy: "Try again once the store can be reached; the diagnostics log says why it can't.",
};

/// The sessions, if anybody can sign in.
fn sessions(admin: &Admin) -> Result<&Arc<Sessions>, Refused> {
    admin.sessions.as_ref().ok_or_else(|| Refused::from(&NO_SIGN_IN))
}

/// The refusal for a store that fails.
fn unavailable(error: &StoreError) -> Refused {
    tracing::warn!(kind = error.kind(), %error, "the store of sessions failed an operator");
    Refused::from(&STORE_UNAVAILABLE)
}
