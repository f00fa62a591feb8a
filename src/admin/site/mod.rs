//! The operators' site: pages for people, of the same state that the endpoints tell programs.
//!
//! Every page is rendered here and needs no script. Its policy forbids everything that isn't its own: a stranger's text in
//! a name, a reason or a claim stays text. What changes something is a form with a proof that this session's page has it
//! ([`form`]); the entrance has seen to the session, and to the origin, before.

mod ask;
mod asked_report;
mod chart;
mod configuration;
mod consents;
mod engine;
mod exceptions;
mod explain;
mod form;
mod frame;
mod give;
mod overview;
mod rehearsal;
mod replay;
mod report;
mod requests;
mod router;
mod sessions;
mod upload;
mod vendors;
mod who;

pub(super) use router::{home, router, style};
