//! The house rules that a machine can keep: what may import what, and how long files and functions may be.
//!
//! `house` is the table that a change to the architecture edits. `source` reads one file with `syn`, `tree` finds the
//! file that defines what a name stands for, and `imports` and `circles` judge what comes of it. `sizes` counts lines,
//! `logs` looks at what is logged, `public_api` at what the library offers, and `proof` breaks every rule in small
//! crates in memory, to see that the checks can fail.

mod circles;
mod house;
mod imports;
mod logs;
mod proof;
mod public_api;
mod sizes;
mod source;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
