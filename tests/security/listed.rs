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

#[test]
fn every_property_of_the_list_has_a_test_that_begins_with_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tested = BTreeSet::new();
    numbers(&root.join("tests"), &mut tested);
    let list = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let listed: BTreeSet<u32> =
        list.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(listed, (1..=35).collect());
    assert_eq!(tested, listed);
}
