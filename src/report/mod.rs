//! The security requirements status report: which share of the requests of users came with MFA, and which did not.
//!
//! The figures and their definitions are those of Partner Center's page of that name. What is counted are decisions: of users,
//! on routes that require MFA. An application without a user is listed apart. Where nothing was counted, a share is no number:
//! no data isn't 100 %.

mod accounts;
mod counted;
mod counts;
mod csv;
mod day;
mod log;
mod share;
mod status;

pub(crate) use accounts::{AccountList, Part, read_list};
pub(crate) use counts::Counts;
pub(crate) use csv::{Download, csv};
pub(crate) use day::Day;
pub(crate) use log::Incomplete;
pub(crate) use share::Share;
pub(crate) use status::{Group, StatusReport};
