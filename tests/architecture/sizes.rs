//! How long files and functions may be, and that a folder of modules has its `mod.rs`.

use std::fs;
use std::path::PathBuf;

use syn::visit::{self, Visit};
use syn::{Block, Ident, ImplItemFn, Item, ItemFn, TraitItemFn};

use super::house::CRATES;
use super::source::for_tests;
use super::{root, rust_files};

const MAX_LINES: usize = 350;
const MAX_MAIN: usize = 25;
const MAX_FUNCTION: usize = 60;

#[test]
fn no_file_is_too_long() {
    let mut problems = Vec::new();
    let folders = ["src", "crates", "tests", "benches"].map(|folder| root().join(folder));
    for file in folders.iter().filter(|folder| folder.exists()).flat_map(|folder| rust_files(folder)) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        let limit = if file.ends_with("src/main.rs") { MAX_MAIN } else { MAX_LINES };
        if lines > limit {
            problems.push(format!("{}: {lines} lines, and {limit} is the limit", file.display()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_function_is_too_long() {
    let mut problems = Vec::new();
    for file in sources() {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        problems.extend(long_functions(&name, &fs::read_to_string(&file).unwrap()));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_folder_of_modules_is_introduced_by_its_mod_file() {
    let mut problems = Vec::new();
    for file in sources().into_iter().chain(rust_files(&root().join("tests/support"))) {
        let folder = file.parent().unwrap();
        if !folder.ends_with("src") && !folder.join("mod.rs").exists() {
            problems.push(format!("{}: there is no mod.rs beside it", file.display()));
        }
        if file.with_extension("").is_dir() {
            problems.push(format!("{}: a folder has the same name; write {0}/mod.rs", file.display()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The sources of all crates.
pub(super) fn sources() -> Vec<PathBuf> {
    CRATES.iter().filter(|known| known.exists()).flat_map(|of| rust_files(&root().join(of.src()))).collect()
}

/// The functions of a file whose bodies have too many lines, but for those of tests.
pub(super) fn long_functions(file: &str, source: &str) -> Vec<String> {
    let parsed = syn::parse_file(source).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut functions = Functions { file, problems: Vec::new() };
    functions.visit_file(&parsed);
    functions.problems
}

struct Functions<'a> {
    file: &'a str,
    problems: Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, name: &Ident, body: &Block) {
        let (start, end) = (body.brace_token.span.open().start().line, body.brace_token.span.close().end().line);
        let lines = (end - start).saturating_sub(1);
        if lines > MAX_FUNCTION {
            let line = name.span().start().line;
            self.problems.push(format!(
                "{}:{line}: the body of {name} has {lines} lines, and {MAX_FUNCTION} is the limit",
                self.file
            ));
        }
    }
}

impl Visit<'_> for Functions<'_> {
    fn visit_item(&mut self, item: &Item) {
        if !matches!(item, Item::Mod(module) if for_tests(&module.attrs)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        self.measure(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
