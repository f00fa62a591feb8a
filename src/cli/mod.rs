//! The command line: one file per command.

mod args;
mod check;
mod explain;
mod given;
mod healthcheck;
mod help;
mod man;
mod print;
mod replay;
mod run;
mod running;
mod sessions;

pub use run::run;
