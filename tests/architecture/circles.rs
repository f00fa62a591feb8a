//! Circles: files of a crate that import each other, directly or through others.
//!
//! The order knows only the modules of a crate's root. Within one, a file may import any other, but never one that
//! imports it in turn: neither could then be read, tested or moved alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::house::CRATES;
use super::tree::{Files, Tree};

/// Files that can each be reached from each of the others.
pub(super) struct Circle {
    pub(super) files: Vec<String>,
    /// The way from a file back to it that is shortest.
    pub(super) shortest: String,
    /// Every import within.
    imports: Vec<String>,
}

/// What each file imports from which other, by name.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut problems = Vec::new();
    for of in CRATES.iter().filter(|known| known.exists()) {
        let src = of.src();
        for circle in circles(&of.files()) {
            problems.push(format!(
                "{src}: {} files import each other in a circle, the shortest way round being\n    {}\n  Move what the \
                 names in brackets stand for into a file below both. Every import of the circle:\n    {}",
                circle.files.len(),
                circle.shortest,
                circle.imports.join("\n    ")
            ));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

pub(super) fn circles(files: &Files) -> Vec<Circle> {
    let graph = graph(files);
    let reached: BTreeMap<_, _> = graph.keys().map(|file| (file, reached_from(&graph, file))).collect();
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for (file, others) in &reached {
        if done.contains(*file) || !others.contains(*file) {
            continue;
        }
        let members: Vec<_> = others.iter().filter(|other| reached[other].contains(*file)).cloned().collect();
        done.extend(members.iter().cloned());
        circles.push(circle(&graph, members));
    }
    circles
}

/// The imports between files, but for those that a file which introduces its folder only hands on.
fn graph(files: &Files) -> Graph {
    let mut graph = Graph::new();
    for file in files.keys() {
        graph.insert(file.clone(), BTreeMap::new());
    }
    for import in Tree::read(files).imports() {
        let introduces =
            ["lib.rs", "main.rs", "mod.rs"].iter().any(|name| import.from.split('/').next_back() == Some(name));
        let Some(file) = import.file.filter(|file| *file != import.from && !(introduces && import.reexport)) else {
            continue;
        };
        graph.entry(import.from).or_default().entry(file).or_default().insert(import.name);
    }
    graph
}

fn reached_from(graph: &Graph, file: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(next) = waiting.pop() {
        waiting.extend(graph[next].keys().filter(|other| reached.insert((*other).clone())).map(String::as_str));
    }
    reached
}

fn circle(graph: &Graph, files: Vec<String>) -> Circle {
    let ways = files.iter().filter_map(|file| way_back(graph, file));
    let shortest = ways.min_by_key(Vec::len).unwrap_or_default();
    let names = |from: &str, to: &str| graph[from][to].iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let steps = shortest.windows(2).map(|pair| format!(" -> {} ({})", pair[1], names(&pair[0], &pair[1])));
    let words = shortest.first().cloned().into_iter().chain(steps).collect();
    let mut imports = Vec::new();
    for from in &files {
        for to in graph[from].keys().filter(|to| files.contains(to)) {
            imports.push(format!("{from} imports {to} ({})", names(from, to)));
        }
    }
    Circle { files, shortest: words, imports }
}

/// The shortest way from a file back to it, with the file at both ends.
fn way_back(graph: &Graph, file: &str) -> Option<Vec<String>> {
    let mut waiting = VecDeque::from([vec![file.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = waiting.pop_front() {
        for next in graph[way.last()?].keys() {
            let longer = || way.iter().chain([next]).cloned().collect::<Vec<_>>();
            if next == file {
                return Some(longer());
            }
            if seen.insert(next.clone()) {
                waiting.push_back(longer());
            }
        }
    }
    None
}
