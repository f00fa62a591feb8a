//! The pages that people see: of a sign-in that fails, of a step-up without MFA, of a role that lacks, of their sessions.
//!
//! A [`Page`] says what happened, as a [`Kind`] with its facts, and what can be done next, as a list of [`Action`]s.
//! [`Pages`] has the templates, its own or an operator's, and makes the response. One text belongs to each reason, with a
//! code that a help desk can search for. A page works without scripts, and its policy forbids them. What an issuer
//! writes in `error_description` stands on no page; what stands there is escaped by the template engine.

mod action;
mod engine;
mod entra;
mod fact;
mod failure;
mod fields;
mod kind;
mod markup;
mod page;
mod reasons;
mod sample;
mod step_up;
mod text;
mod view;
mod words;

pub use action::{Action, Does};
pub use engine::{Pages, PagesError};
pub use fact::{Fact, SessionRow};
pub use failure::{Failure, FailureKind};
pub use fields::{emptied, front_channel, redirect};
pub use kind::{Kind, NeededRole, NotDelegated, Outage, SignedOut};
pub use page::Page;
pub use sample::samples;
pub use step_up::{Shortfall, StepUp};

pub(crate) use words::{Moment, about, short};
