//! The order within a crate: a module imports only what stands before it.

use std::collections::{BTreeMap, BTreeSet};

use super::house::{CRATES, Crate};
use super::tree::{Files, Tree};

#[test]
fn modules_import_only_what_stands_before_them() {
    let existing = CRATES.iter().filter(|known| known.exists());
    let problems: Vec<_> = existing.flat_map(|of| wrong_imports(of, &of.files())).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What the files of a crate import against its order, in words. Its `lib.rs` and `main.rs` stand above the order.
pub(super) fn wrong_imports(of: &Crate, files: &Files) -> Vec<String> {
    let src = of.src();
    let tree = Tree::read(files);
    let unread = tree.unread(files).map(|file| format!("{src}/{file} is in no module of the crate"));
    let mut wrong: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for import in tree.imports() {
        let own = top(&import.from).to_owned();
        let defining = import.file.as_deref().map(|file| match top(file) {
            "lib" | "main" => import.name.clone(),
            module => module.to_owned(),
        });
        for module in import.through.into_iter().chain(defining) {
            let allowed = of.place(&module).is_some_and(|place| of.place(&own).is_some_and(|own| place <= own));
            if !matches!(own.as_str(), "lib" | "main") && !allowed {
                let names = wrong.entry((import.from.clone(), module.clone())).or_default();
                names.extend(Some(import.name.clone()).filter(|name| !name.is_empty() && *name != module));
            }
        }
    }
    let wrong = wrong.into_iter().map(|((file, module), names)| {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { names } else { format!(" ({names})") };
        let own = top(&file);
        match (of.place(own), of.place(&module)) {
            (None, _) => format!("{src}/{file} is of a module without a place"),
            (_, None) => format!("{src}/{file} imports crate::{module}{names}, which is no module in the order"),
            _ => format!("{src}/{file} imports crate::{module}{names}, which stands behind {own}"),
        }
    });
    unread.chain(wrong).collect()
}

/// The module of the crate's root that a file belongs to.
pub(super) fn top(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}
