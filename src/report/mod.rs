//! The security requirements status report: which share of the requests of users came with MFA, and which did not.
//!
//! The figures and their definitions are those of Partner Center's page of that name. What is counted are decisions: of users,
//! on routes that require MFA. An application without a user is listed apart. Where nothing was counted, a share is no number:
//! no data isn't 100 %.
//!
//! They come from two places, and are equal: from decision logs (`Counts`), or from the store. For the store, a `Counter`
//! counts in memory as the gateway decides, a `Flusher` adds that to the store each ten seconds, and a `Reader` reads all
//! replicas' sums. `Outcome` is the one rule of what a decision counts as.

mod settings;

mod accounts;
mod counted;
mod day;

mod share;

mod customers;

mod status;
mod totals;

mod asked;
mod counts;
mod csv;
mod log;

mod cell;
mod counter;
mod customer_cell;
mod shard;

mod batch;
mod flusher;
mod metrics;

mod reader;
mod resources;
mod twin;

#[cfg(test)]
mod equal;

pub use accounts::AccountFile;
pub(crate) use accounts::{AccountList, Part, read_list};
pub(crate) use asked::Asked;
pub(crate) use counter::{Counter, Decided};
pub(crate) use counts::Counts;
pub(crate) use csv::{Download, csv};
pub(crate) use customers::OfCustomer;
pub(crate) use day::Day;
pub(crate) use flusher::Flusher;
pub(crate) use log::Incomplete;
pub(crate) use metrics::ReportMetrics;
pub(crate) use reader::Reader;
pub use settings::{Names, ReportSettings};
pub(crate) use share::Share;
pub(crate) use status::{Group, OfDay, Request, StatusReport, WithoutMfa};
pub(crate) use twin::Twin;

/// The most requests in a list.
pub(crate) use mfa_gateway_store::MOST_RECENT as MAX_REQUESTS;
