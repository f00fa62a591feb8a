//! The command line: one file per command.

mod args;
mod check;
mod come_back;
mod consents;
mod exceptions;
mod exceptions_text;
mod explain;
mod given;
mod healthcheck;
mod help;
mod man;
mod print;
mod replay;
mod report;
mod rewrap;
mod run;
mod running;
mod sessions;
mod table;
mod token;
mod vendors;
mod vendors_help;

pub use run::run;
