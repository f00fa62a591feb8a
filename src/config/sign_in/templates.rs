//! An operator's own templates.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::config::problem::Problems;
use crate::pages::Pages;
use mfa_gateway_files::{PATIENCE, read_text, within};

/// The largest template.
const MAX: u64 = 256 << 10;

/// The most files that are looked at.
const MOST: usize = 100;

/// Reads the templates of a directory, and tries them.
pub(super) fn read(path: &str, directory: &str, problems: &mut Problems<'_>) -> Vec<(String, String)> {
    let field = format!("{path}.pages");
    let directory = Path::new(directory);
    let templates = names(directory).and_then(|names| {
        let read = |name: &OsString| {
            let path = directory.join(name);
            let text = read_text(&path, MAX).map_err(|error| named(&path, &error))?;
            Ok((name.to_string_lossy().into_owned(), text))
        };
        names.iter().map(read).collect::<Result<Vec<_>, String>>()
    });
    let templates = templates.unwrap_or_else(|message| {
        problems.add(
            &field,
            message,
            "name a readable directory with templates: docs/configuration.md lists their names",
        );
        Vec::new()
    });
    if let Err(error) = Pages::new(&templates) {
        problems.add(&field, error.to_string(), error.fix());
    }
    templates
}

/// The names of the files, but for hidden ones, which editors and volumes leave.
fn names(directory: &Path) -> Result<Vec<OsString>, String> {
    let place = directory.to_owned();
    let list = move || -> io::Result<Vec<OsString>> {
        std::fs::read_dir(place)?.take(MOST).map(|entry| Ok(entry?.file_name())).collect()
    };
    let names = within(directory, PATIENCE, list).map_err(|error| named(directory, &error))?;
    let mut names: Vec<_> = names.into_iter().filter(|name| !name.to_string_lossy().starts_with('.')).collect();
    names.sort();
    Ok(names)
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{} can't be read: {error}", path.display())
}
