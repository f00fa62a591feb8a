//! Technical exceptions as a process: one person asks, another one answers, and every step stays.
//!
//! | | |
//! |---|---|
//! | [`Ground`](ground::Ground) | why an exception is asked for: those that are none are answered at once |
//! | [`RequestForm`], [`EvidenceForm`] | what is asked for, and what shows that it must be |
//! | [`Actor`], [`ExceptionSettings`] | who may do which step, and by when there must be an answer |
//! | [`Exceptions`] | every step, for pages, calls and the command alike |
//! | [`Detail`], [`Entry`] | an exception as it shows |
//!
//! An exception can only ever relax MFA: what is granted goes into [`Granted`](mfa_gateway_core::policy::Granted), which
//! [`decide`](mfa_gateway_core::policy::decide) looks at last. States that follow from the time are never stored, so that
//! no job has to run for an exception to end.

mod actor;
mod calendar;
mod entry;
mod explained;
mod form;
mod ground;
mod keeper;
mod metrics;
mod process;
mod refusal;
mod rights;
mod service;
mod settings;
mod state;
mod steps;
mod sync;
mod texts;

pub(crate) use actor::Actor;
pub(crate) use calendar::{Calendar, offset};
pub(crate) use entry::{Detail, Entry, Person};
pub(crate) use form::{EvidenceForm, RequestForm};
pub(crate) use metrics::ExceptionMetrics;
pub(crate) use process::Exceptions;
pub(crate) use refusal::{CLOSED, Refusal};
pub(crate) use service::Wanted;
pub(crate) use settings::{ExceptionSettings, Known};
pub(crate) use state::State;
pub(crate) use steps::{Answer, StepForm};
pub(crate) use sync::keep;
