//! The library's public API, as its sources declare it: a snapshot, so that nobody changes it without a look.
//!
//! It has every type that the crate's root exports, with the fields, variants and methods that others can use, and the
//! traits that it implements by hand. It reads the lines that rustfmt wrote, so a type stands there as the source has it, and
//! what is derived stands in the `derive` alone. A compiler's own list needs nightly Rust (`cargo public-api`).

use std::collections::BTreeSet;
use std::fs;

use super::{root, rust_files};

/// What others can use of the files, and what the root exports.
fn declared(files: &[(String, String)], exported: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for (name, source) in files {
        let items = items(source, exported);
        if !items.is_empty() {
            let items = items.join("\n");
            text.push_str(&["# ", name.as_str(), "\n\n", items.as_str(), "\n"].concat());
        }
    }
    text
}

/// The items of a file.
fn items(source: &str, exported: &BTreeSet<String>) -> Vec<String> {
    let source = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let (mut found, mut attributes) = (Vec::new(), Vec::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        let begins =
            ["pub struct ", "pub enum ", "pub trait ", "pub fn ", "impl"].iter().any(|word| line.starts_with(word));
        if !begins {
            if !line.starts_with("//") {
                attributes.clear();
            }
            continue;
        }
        let head = whole(line, &mut lines);
        let members = if head.ends_with('{') { members(&head, &mut lines) } else { Vec::new() };
        let is_ours = named(&head).is_some_and(|name| exported.contains(name));
        let only_members = head.starts_with("impl") && !head.contains(" for ");
        if is_ours && !(only_members && members.is_empty()) {
            found.extend(attributes.iter().filter(|one| !one.starts_with("#[cfg")).map(|one| (*one).to_owned()));
            found.push(head.trim_end_matches(" {").to_owned());
            found.extend(members.into_iter().map(|member| format!("    {member}")));
        }
        attributes.clear();
    }
    found
}

/// A declaration in one line, up to its body or its end.
fn whole<'s>(first: &'s str, lines: &mut impl Iterator<Item = &'s str>) -> String {
    let mut head = first.trim().to_owned();
    while !head.ends_with(['{', '}', ';', ',']) || head.ends_with(',') && !is_closed(&head) {
        let Some(line) = lines.next() else { break };
        head = format!("{head} {}", line.trim());
    }
    head.replace("( ", "(").replace(", )", ")")
}

/// Whether as many brackets close as open.
fn is_closed(text: &str) -> bool {
    text.matches(['(', '<', '[']).count() == text.replace("->", "").matches([')', '>', ']']).count()
}

/// The members that others can use of an item whose head was read, up to its end.
fn members<'s>(head: &str, lines: &mut impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(line) = lines.next().filter(|line| *line != "}") {
        let Some(text) = line.strip_prefix("    ").filter(|text| !text.starts_with([' ', '}', '/', '#', ')'])) else {
            continue;
        };
        let counts = if head.starts_with("pub enum") || head.starts_with("pub trait") {
            true
        } else if head.contains(" for ") {
            text.starts_with("type ")
        } else {
            text.starts_with("pub ")
        };
        if counts {
            let member = if text.ends_with('{') && head.starts_with("pub enum") {
                fields(text, lines)
            } else {
                whole(text, lines)
            };
            found.push(member.trim_end_matches([' ', '{', ',']).to_owned());
        }
    }
    found
}

/// A variant with its fields.
fn fields<'s>(first: &str, lines: &mut impl Iterator<Item = &'s str>) -> String {
    let fields = lines.take_while(|line| line.trim() != "},").map(str::trim).filter(|line| !line.starts_with('/'));
    format!("{first} {} }}", fields.collect::<Vec<_>>().join(" "))
}

/// The type that a head is of.
fn named(head: &str) -> Option<&str> {
    let subject = match head.split_once(" for ") {
        Some((start, subject)) if start.starts_with("impl") => subject,
        _ if head.starts_with("impl<") => head.split_once("> ").map(|(_, rest)| rest)?,
        _ if head.starts_with("impl ") => head.get(5..)?,
        _ => head.split(' ').nth(2)?,
    };
    subject.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}

/// The names that a root exports.
fn exported(root: &str) -> BTreeSet<String> {
    let uses = root.split("pub use ").skip(1).filter_map(|one| one.split(';').next());
    let names = |one: &str| {
        let list = one.rsplit("::").next().unwrap_or_default();
        let list = one.split_once('{').map_or(list, |(_, list)| list).trim_end_matches('}');
        list.split(',')
            .filter_map(|name| name.rsplit(" as ").next())
            .map(|name| name.trim().to_owned())
            .collect::<Vec<_>>()
    };
    uses.flat_map(names).filter(|name| !name.is_empty()).collect()
}

fn library() -> (Vec<(String, String)>, BTreeSet<String>) {
    let src = root().join("crates/layer/src");
    let name = |path: &std::path::Path| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
    let files: Vec<_> =
        rust_files(&src).into_iter().map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect();
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let mut names = exported(&lib);
    names.extend(["EntraPlace", "entra", "authorization_uri", "discovery", "media_type"].map(str::to_owned));
    (files, names)
}

#[test]
fn the_library_has_this_public_api() {
    let (files, exported) = library();
    let root = fs::read_to_string(root().join("crates/layer/src/lib.rs")).unwrap();
    let exports: Vec<_> = root.lines().skip_while(|line| !line.starts_with("pub use")).collect();
    insta::assert_snapshot!(format!("{}\n\n{}", exports.join("\n"), declared(&files, &exported)));
}

#[test]
fn what_others_can_use_is_found_and_nothing_else() {
    let source = "
/// A type.
#[derive(Debug)]
pub struct One {
    /// A field.
    pub field: Vec<(u8, u8)>,
    hidden: u8,
}

struct Hidden;

impl One {
    /// A method.
    pub fn long(
        &self,
        other: u8,
    ) -> Result<u8, Two> {
        let inner = 1;
    }

    pub(super) fn hidden(&self) {}
}

impl From<u8> for One {
    fn from(_: u8) -> Self {
    }
}

pub enum Two {
    /// A variant.
    Plain(u8),
    Named {
        /// A field.
        at: u8,
    },
}

#[cfg(test)]
mod tests {
    pub struct One;
}
";
    let exported = exported("pub use a::{One, b as Two};\npub use c::Other;\n");
    assert_eq!(exported.iter().collect::<Vec<_>>(), ["One", "Other", "Two"]);
    let expected = [
        "#[derive(Debug)]",
        "pub struct One",
        "    pub field: Vec<(u8, u8)>",
        "impl One",
        "    pub fn long(&self, other: u8) -> Result<u8, Two>",
        "impl From<u8> for One",
        "pub enum Two",
        "    Plain(u8)",
        "    Named { at: u8, }",
    ];
    assert_eq!(items(source, &exported), expected);
}
