//! The command line: one file per command.

mod args;
mod check;
mod explain;
mod healthcheck;
mod help;
mod man;
mod print;
mod replay;
mod run;

pub use run::run;
