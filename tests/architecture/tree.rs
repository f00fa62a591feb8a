//! The modules of a crate, and which file defines what a path in one of them leads to.
//!
//! A name that a module re-exports counts as one of the file that defines it: a `mod.rs` that only introduces its
//! folder stands between nobody.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

use super::source::{self, ELSEWHERE};

/// The sources of a crate, by their paths in its `src/`.
pub(super) type Files = BTreeMap<String, String>;

/// Something that a file speaks of and another file, or module, of the crate has.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    /// The file that defines it; none if it is a module, whose names are imports of their own.
    pub(super) file: Option<String>,
    /// Its name there.
    pub(super) name: String,
    /// The module of the crate's root that the path begins with, as it is written.
    pub(super) through: Option<String>,
    /// Whether it is only handed on.
    pub(super) reexport: bool,
}

pub(super) struct Tree {
    modules: Vec<Module>,
    read: BTreeSet<String>,
    for_tests: Vec<String>,
}

struct Module {
    /// From the crate's root.
    path: Vec<String>,
    parent: Option<usize>,
    file: String,
    /// What its names stand for; `*` are its globs.
    names: BTreeMap<String, Vec<Binding>>,
    uses: Vec<source::Use>,
    paths: Vec<Vec<String>>,
}

enum Binding {
    Item,
    Module(usize),
    Use(Vec<String>),
}

enum Target {
    Item { file: String, name: String },
    Module(usize),
    Elsewhere,
}

impl Tree {
    pub(super) fn read(files: &Files) -> Self {
        let mut tree = Self { modules: Vec::new(), read: BTreeSet::new(), for_tests: Vec::new() };
        let root = if files.contains_key("lib.rs") { "lib.rs" } else { "main.rs" };
        tree.read_file(files, root, &[], None);
        tree
    }

    /// The files that no module of the crate is in, so that nothing has been said about them.
    pub(super) fn unread<'a>(&'a self, files: &'a Files) -> impl Iterator<Item = &'a String> {
        let tests = |file: &str| self.for_tests.iter().any(|module| file.starts_with(module));
        files.keys().filter(move |file| !self.read.contains(*file) && *file != "main.rs" && !tests(file))
    }

    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (at, module) in self.modules.iter().enumerate() {
            let uses = module.uses.iter().map(|used| (&used.path, Some(used)));
            for (path, used) in uses.chain(module.paths.iter().map(|path| (path, None))) {
                let (file, name) = match self.resolve(at, path, &mut Vec::new()) {
                    Target::Item { file, name } => (Some(file), name),
                    Target::Module(of) if used.is_some_and(|used| used.name == "*") => {
                        let of = &self.modules[of];
                        let defines = of.names.values().flatten().any(|binding| matches!(binding, Binding::Item));
                        (defines.then(|| of.file.clone()), "*".to_owned())
                    }
                    Target::Module(_) => (None, String::new()),
                    Target::Elsewhere => continue,
                };
                let through = self.absolute(at, path).filter(|first| self.child(0, first).is_some());
                let reexport = used.is_some_and(|used| used.reexport);
                imports.insert(Import { from: module.file.clone(), file, name, through, reexport });
            }
        }
        imports
    }

    fn read_file(&mut self, files: &Files, file: &str, path: &[String], parent: Option<usize>) -> usize {
        let parsed = syn::parse_file(&files[file]).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.read.insert(file.to_owned());
        self.add(files, file, path, parent, &parsed.items)
    }

    fn add(&mut self, files: &Files, file: &str, path: &[String], parent: Option<usize>, items: &[Item]) -> usize {
        let content = source::read(items);
        let at = self.modules.len();
        let mut names: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
        for name in content.definitions {
            names.entry(name).or_default().push(Binding::Item);
        }
        for used in &content.uses {
            names.entry(used.name.clone()).or_default().push(Binding::Use(used.path.clone()));
        }
        self.for_tests.extend(content.test_modules.iter().map(|module| within(path, &module.ident.to_string())));
        let (uses, paths) = (content.uses, content.paths);
        self.modules.push(Module { path: path.to_owned(), parent, file: file.to_owned(), names, uses, paths });
        for module in content.modules {
            let name = module.ident.to_string();
            let inner: Vec<_> = path.iter().cloned().chain([name.clone()]).collect();
            let child = match &module.content {
                Some((_, items)) => self.add(files, file, &inner, Some(at), items),
                None => self.read_file(files, &file_of(module, files, file, path), &inner, Some(at)),
            };
            self.modules[at].names.entry(name).or_default().push(Binding::Module(child));
        }
        at
    }

    /// What a path leads to, from a module. `trail` is what is being looked up already.
    fn resolve(&self, from: usize, path: &[String], trail: &mut Vec<(usize, String, bool)>) -> Target {
        let mut at = from;
        for (index, name) in path.iter().enumerate() {
            at = match name.as_str() {
                ELSEWHERE => return Target::Elsewhere,
                "crate" if index == 0 => 0,
                "self" if index == 0 => from,
                "super" => self.modules[at].parent.unwrap_or(0),
                _ => match self.look_up(at, name, index + 1 == path.len(), trail) {
                    Some(Target::Module(module)) => module,
                    Some(target) => return target,
                    // The first name is a crate's, or the language's.
                    None if index == 0 => return Target::Elsewhere,
                    None => return Target::Item { file: self.modules[at].file.clone(), name: name.clone() },
                },
            }
        }
        Target::Module(at)
    }

    fn look_up(&self, at: usize, name: &str, last: bool, trail: &mut Vec<(usize, String, bool)>) -> Option<Target> {
        let step = (at, name.to_owned(), last);
        if trail.contains(&step) {
            return None;
        }
        trail.push(step);
        let module = &self.modules[at];
        let bindings = module.names.get(name).into_iter().flatten();
        let targets = bindings.map(|binding| match binding {
            Binding::Item => Target::Item { file: module.file.clone(), name: name.to_owned() },
            Binding::Module(module) => Target::Module(*module),
            Binding::Use(path) => self.resolve(at, path, trail),
        });
        // A module and a function may share a name: only the module leads on, and only the function is used by itself.
        let rank = |target: &Target| match target {
            Target::Item { .. } => u8::from(!last),
            Target::Module(_) => u8::from(last),
            Target::Elsewhere => 2,
        };
        let found = targets.min_by_key(rank).or_else(|| self.through_globs(at, name, last, trail));
        trail.pop();
        found
    }

    fn through_globs(
        &self,
        at: usize,
        name: &str,
        last: bool,
        trail: &mut Vec<(usize, String, bool)>,
    ) -> Option<Target> {
        self.modules[at].names.get("*").into_iter().flatten().find_map(|binding| match binding {
            Binding::Use(path) => match self.resolve(at, path, trail) {
                Target::Module(module) if module != at => self.look_up(module, name, last, trail),
                _ => None,
            },
            _ => None,
        })
    }

    /// The first name of a path from the crate's root, if it says where it begins.
    fn absolute(&self, from: usize, path: &[String]) -> Option<String> {
        let before = match path.first()?.as_str() {
            "crate" => &[],
            "self" | "super" => self.modules[from].path.as_slice(),
            _ => return None,
        };
        let up = path.iter().filter(|name| *name == "super").count();
        let mut rest = path.iter().filter(|name| !matches!(name.as_str(), "crate" | "self" | "super"));
        before[..before.len().saturating_sub(up)].first().or_else(|| rest.next()).cloned()
    }

    fn child(&self, at: usize, name: &str) -> Option<usize> {
        let bindings = self.modules[at].names.get(name)?;
        bindings.iter().find_map(|binding| if let Binding::Module(module) = binding { Some(*module) } else { None })
    }
}

/// Where the file of a declared module is: where `#[path]` says, or after its name.
fn file_of(module: &ItemMod, files: &Files, file: &str, path: &[String]) -> String {
    let told = module.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let name = within(path, &module.ident.to_string());
    let beside = |told: String| match file.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{told}"),
        None => told,
    };
    let candidates = match told {
        Some(told) => vec![beside(told)],
        None => vec![format!("{name}.rs"), format!("{name}/mod.rs")],
    };
    let found = candidates.into_iter().find(|candidate| files.contains_key(candidate));
    found.unwrap_or_else(|| panic!("{file} declares the module {}, and there is no file for it", module.ident))
}

fn within(path: &[String], name: &str) -> String {
    path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
}
