//! The house rules that a machine can keep: which module may import which, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/` in their one line. A module imports only what stands before it.
const ORDER: [&str; 12] = [
    "json",
    "telemetry",
    "routing",
    "config",
    "upstream",
    "journal",
    "gateway",
    "admin",
    "replay",
    "app",
    "demo",
    "cli",
];

const MAX_LINES: usize = 350;
const MAX_MAIN: usize = 25;

#[test]
fn modules_import_only_what_stands_before_them() {
    let src = root().join("src");
    let mut problems = Vec::new();
    for file in rust_files(&src) {
        let relative = file.strip_prefix(&src).unwrap().to_owned();
        problems.extend(wrong_imports(&relative, &fs::read_to_string(&file).unwrap()));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let src = root().join("src");
    let entries = fs::read_dir(&src).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    found.retain(|name| !matches!(name.as_str(), "main" | "lib"));
    found.sort();
    let mut listed = ORDER.map(str::to_owned);
    listed.sort();
    assert_eq!(found, listed);
}

#[test]
fn no_file_is_too_long() {
    let mut problems = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root().join(folder)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            let limit = if file.ends_with("src/main.rs") { MAX_MAIN } else { MAX_LINES };
            if lines > limit {
                problems.push(format!("{}: {lines} lines, and {limit} is the limit", file.display()));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_folder_of_modules_is_introduced_by_its_mod_file() {
    let mut problems = Vec::new();
    for file in rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests/support"))) {
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

#[test]
fn the_check_can_fail() {
    let found = |file: &str, source: &str| wrong_imports(Path::new(file), source);
    let wrong = [
        ("policy/decide.rs", "use crate::gateway::Live;"),
        ("policy/decide.rs", "use crate::{token::App, config::Config};"),
        ("policy/decide.rs", "fn f() -> crate::upstream::Upstream {}"),
        ("policy/decide.rs", "use super::super::gateway::Live;"),
        ("policy/mod.rs", "use super::{clock, net, cli};"),
        ("journal.rs", "use super::admin;"),
        ("token/key.rs", "use crate::elsewhere::Thing;"),
        ("token/key.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::policy::Route;"),
        ("token/key.rs", "const TEXT: &str = \"\\\"\"; use crate::policy::Route;"),
    ];
    for (file, source) in wrong {
        let problems = found(file, source);
        assert_eq!(problems.len(), 1, "{file}: {source}: {problems:?}");
        assert!(problems[0].starts_with(&format!("src/{file} imports ")), "{}", problems[0]);
    }
    assert_eq!(
        found("policy/decide.rs", "use crate::gateway::Live;"),
        ["src/policy/decide.rs imports crate::gateway, which stands behind policy"]
    );
    let right = [
        ("policy/decide.rs", "use crate::token::App; use super::Route; use crate::policy::{self, Mode};"),
        ("demo/provider/keys.rs", "use super::super::people; use crate::app::App; pub(crate) fn f() {}"),
        ("main.rs", "use crate::cli;"),
        ("lib.rs", "pub use app::App;"),
        (
            "token/key.rs",
            "// use crate::gateway::Live;\n/* use crate::cli; /* */ */ const A: &str = \"use crate::app\";",
        ),
        ("token/key.rs", "const A: &str = r#\"use crate::app \"x\" crate::cli\"#; fn f<'a>(c: char) { c == '\"'; }"),
        ("token/key.rs", "#[cfg(test)]\nmod tests { use crate::policy::Route; fn f() { {} } }"),
        ("token/key.rs", "#[cfg(test)]\nuse crate::policy::Route;"),
    ];
    for (file, source) in right {
        assert_eq!(found(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}

/// What a file imports against the order, in words.
fn wrong_imports(file: &Path, source: &str) -> Vec<String> {
    let name = file.display();
    let mut path: Vec<String> = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    let own = path[0].clone();
    if matches!(own.as_str(), "main" | "lib") {
        return Vec::new();
    }
    let place = |module: &str| ORDER.iter().position(|known| *known == module);
    let Some(own_place) = place(&own) else { return vec![format!("src/{name} is of a module without a place")] };
    let imports = roots(&without_tests(&tokens(source)), path.len());
    let wrong = imports.into_iter().filter_map(|import| match place(&import) {
        Some(at) if at <= own_place => None,
        Some(_) => Some(format!("src/{name} imports crate::{import}, which stands behind {own}")),
        None => Some(format!("src/{name} imports crate::{import}, which is no module in the order")),
    });
    wrong.collect()
}

/// The top-level names that paths beginning with `crate` or `super` lead to, from a module at this depth.
fn roots(tokens: &[String], depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut supers = 0;
        let mut next = at;
        while tokens[next] == "super" && tokens.get(next + 1).is_some_and(|token| token == "::") {
            supers += 1;
            next += 2;
        }
        if tokens[at] == "crate" && tokens.get(at + 1).is_some_and(|token| token == "::") {
            next = at + 2;
        } else if supers == 0 || supers < depth {
            at = next.max(at + 1);
            continue;
        }
        at = next;
        found.extend(first_names(&tokens[at..]));
    }
    found
}

/// The first names of what a path goes on with: one name, or those of a group.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let (mut depth, mut names, mut expected) = (0, Vec::new(), true);
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => expected = true,
            name if depth == 1 && expected => {
                names.push(name.to_owned());
                expected = false;
            }
            _ => {}
        }
    }
    names
}

/// The tokens without the items that are for tests only.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !tokens[at..].iter().map(String::as_str).take(marker.len()).eq(marker) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        for token in &tokens[at + marker.len()..] {
            at += 1;
            match token.as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        at += marker.len();
    }
    kept
}

/// Names and punctuation of a source, without comments, texts and characters.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let char = chars[at];
        if starts(at, "//") {
            at += chars[at..].iter().take_while(|char| **char != '\n').count();
        } else if starts(at, "/*") {
            at = comment_end(&chars, at);
        } else if char == '"' {
            at = text_end(&chars, at + 1);
        } else if char == '\'' {
            at = character_end(&chars, at);
        } else if char.is_alphanumeric() || char == '_' {
            let name: String = chars[at..].iter().take_while(|char| char.is_alphanumeric() || **char == '_').collect();
            at += name.chars().count();
            let hashes = chars[at..].iter().take_while(|char| **char == '#').count();
            if matches!(name.as_str(), "r" | "br") && chars.get(at + hashes) == Some(&'"') {
                let end = format!("\"{}", "#".repeat(hashes));
                at += hashes + 1;
                while at < chars.len() && !starts(at, &end) {
                    at += 1;
                }
                at += end.len();
            } else {
                tokens.push(name);
            }
        } else if starts(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !char.is_whitespace() {
                tokens.push(char.to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) if depth == 1 => return at + 2,
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn text_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Behind a character's closing quote; or behind the quote alone, if it begins a lifetime.
fn character_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            at + 3 + chars[(at + 3).min(chars.len())..].iter().take_while(|char| **char != '\'').count() + 1
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
