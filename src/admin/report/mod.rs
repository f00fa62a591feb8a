//! The status report, for operators: as JSON, as downloads, and the records of a user deleted.

mod answers;
mod asked;
mod forget;

pub(super) use answers::{download, report, requests};
pub(super) use forget::{forget, forget_as};

use http::StatusCode;
use mfa_gateway_store::StoreError;

use super::context::Admin;
use super::refused::Refused;
use crate::gateway::Notice;
use crate::report::Reader;

const NO_REPORT: Notice = Notice {
    status: StatusCode::NOT_FOUND,
    code: "no_report",
    description: "This gateway counts nothing for a report.",
    remedy: "Add `report: {}` to the configuration, and restart the gateway.",
};

const STORE_UNAVAILABLE: Notice = Notice {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "store_unavailable",
    description: "The store does not respond.",
    remedy: "Try again once the store can be reached; the diagnostics log says why it can't.",
};

/// What reads the report, if there is one.
pub(super) fn reader(admin: &Admin) -> Result<&Reader, Refused> {
    admin.report.as_ref().ok_or_else(|| Refused::from(&NO_REPORT))
}

/// The refusal for a store that fails.
pub(super) fn unavailable(error: &StoreError) -> Refused {
    tracing::warn!(kind = error.kind(), %error, "the store failed an operator who asked for the report");
    Refused::from(&STORE_UNAVAILABLE)
}
