//! The command line: one file per command.

mod args;
mod check;
mod explain;
mod print;
mod replay;
mod run;

pub use run::run;
