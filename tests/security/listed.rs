//! The list of properties and the tests that hold them stay together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The numbers that the names of a file's tests begin with.
fn numbers(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            numbers(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).unwrap();
            let names = text.split("fn s").skip(1).filter(|rest| rest.as_bytes().get(2) == Some(&b'_'));
            found.extend(names.filter_map(|rest| rest[..2].parse::<u32>().ok()));
        }
    }
}

/// The names of the tests in a file of Rust or Python.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let functions = ["fn ", "def "].into_iter().flat_map(|word| text.split(word).skip(1));
    functions.filter_map(|rest| rest.split('(').next())
}

/// The texts of the files with one of these endings.
fn texts(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            texts(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
            found.push(fs::read_to_string(&entry).unwrap());
        }
    }
}

/// The rows of the list: the number, and what names the tests.
fn rows(list: &str) -> impl Iterator<Item = (u32, &str)> {
    list.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.parse().ok()?, cells.last()?))
    })
}

/// Those of sign-in name their tests, which are numbered by requirements of their own.
const NUMBERED: u32 = 35;

#[test]
fn every_property_of_the_list_has_a_test_that_begins_with_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tested = BTreeSet::new();
    numbers(&root.join("tests"), &mut tested);
    let list = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let listed: BTreeSet<u32> = rows(&list).map(|(number, _)| number).collect();
    assert_eq!(listed, (1..=56).collect());
    assert_eq!(tested, (1..=NUMBERED).collect());
}

#[test]
fn every_test_that_the_list_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests"] {
        texts(&root.join(folder), &mut files);
    }
    let known: BTreeSet<&str> = files.iter().flat_map(|text| names(text)).collect();
    let list = fs::read_to_string(root.join("docs/security.md")).unwrap();
    for (number, tests) in rows(&list).filter(|(number, _)| *number > NUMBERED) {
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(named.len() >= 2, "{number}: {tests}");
        for name in named {
            assert!(known.contains(name), "{number}: there is no test {name}");
        }
    }
}
