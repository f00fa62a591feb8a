//! The checks can fail: every rule is broken and kept in small crates in memory.

use super::circles::circles;
use super::house::{Crate, wrong_dependencies};
use super::imports::wrong_imports;
use super::sizes::long_functions;
use super::tree::Files;

const HOUSE: Crate = Crate {
    folder: "",
    below: &["core"],
    order: &["clock", "net", "token", "policy", "journal", "gateway", "admin", "app", "cli"],
};

#[test]
fn an_import_against_the_order_is_found() {
    let wrong = [
        ("policy/decide.rs", "use crate::gateway::Live;"),
        ("policy/decide.rs", "use crate::{token::App, app::{self, App}};"),
        ("policy/decide.rs", "fn f() -> crate::gateway::Live {}"),
        ("policy/decide.rs", "fn f() { matches!(x.y, 0..=crate::gateway::MAX) }"),
        ("policy/decide.rs", "struct A { #[serde(default = \"crate::gateway::port\")] port: u16 }"),
        ("policy/decide.rs", "use super::super::gateway::Live as Alive;"),
        ("policy/decide.rs", "fn f() { use crate::gateway; gateway::stack() }"),
        ("policy/decide.rs", "mod inner { use super::super::super::gateway::*; }"),
        ("policy/mod.rs", "use super::{clock, net, cli};"),
        ("policy/mod.rs", "pub use crate::gateway::Live;"),
        ("journal.rs", "use super::admin;"),
        ("token/key.rs", "use crate::elsewhere::Thing;"),
        ("token/key.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::policy::Route;"),
        ("token/key.rs", "const TEXT: &str = \"\\\"\"; use crate::policy::Route;"),
    ];
    for (file, source) in wrong {
        let problems = wrong_imports(&HOUSE, &alone(file, source));
        assert_eq!(problems.len(), 1, "{file}: {source}: {problems:?}");
        assert!(problems[0].starts_with(&format!("src/{file} imports crate::")), "{}", problems[0]);
    }
    assert_eq!(
        wrong_imports(&HOUSE, &alone("policy/decide.rs", "use crate::{gateway::{Live, stack}, Thing};")),
        [
            "src/policy/decide.rs imports crate::Thing, which is no module in the order",
            "src/policy/decide.rs imports crate::gateway (Live, stack), which stands behind policy"
        ]
    );
}

#[test]
fn an_import_by_the_order_is_none_of_the_checks_business() {
    let right = [
        ("policy/decide.rs", "use crate::token::App; use super::Route; use crate::policy::{self, Mode};"),
        ("app/run/keys.rs", "use super::super::people; use crate::gateway::Live; pub(crate) fn f() {}"),
        ("policy/decide.rs", "use gateway::Live; use ::admin::State; fn f(gateway: u8) { x.gateway::<admin>() }"),
        ("main.rs", "use crate::cli;"),
        ("lib.rs", "pub use app::App;"),
        (
            "token/key.rs",
            "// use crate::gateway::Live;\n/* use crate::cli; /* */ */ const A: &str = \"use crate::app\";",
        ),
        ("token/key.rs", "const A: &str = r#\"use crate::app \"x\" crate::cli\"#; fn f<'a>(c: char) { c == '\"'; }"),
        ("token/key.rs", "#[cfg(test)]\nmod tests { use crate::policy::Route; fn f() { {} } }"),
        ("token/key.rs", "#[cfg(test)]\nuse crate::policy::Route;"),
        ("token/key.rs", "impl Key { #[cfg(test)]\nfn f() -> crate::policy::Route {} }"),
        ("token/key.rs", "/// Like [`crate::policy::Route`].\n#[doc(alias = \"crate::cli\")]\nfn f() {}"),
    ];
    for (file, source) in right {
        assert_eq!(wrong_imports(&HOUSE, &alone(file, source)), Vec::<String>::new(), "{file}: {source}");
    }
}

#[test]
fn a_name_counts_as_one_of_the_file_that_defines_it() {
    let crate_with = |lib: &str| {
        files(&[
            ("lib.rs", lib),
            ("token/mod.rs", "mod key; mod names; pub use key::*;"),
            ("token/key.rs", "pub use super::names::Name as Alias;"),
            ("token/names.rs", "pub struct Name;"),
            ("policy.rs", "pub use crate::token::Alias as Word; fn f(_: crate::App) {}"),
            ("app.rs", "pub struct App; fn f(_: crate::policy::Word) {}"),
        ])
    };
    assert_eq!(
        wrong_imports(&HOUSE, &crate_with("mod token; mod policy; mod app; pub use app::App;")),
        ["src/policy.rs imports crate::app (App), which stands behind policy"]
    );
    // What another crate defines may be reached by a name of ours.
    assert_eq!(
        wrong_imports(&HOUSE, &crate_with("mod token; mod policy; mod app; pub use elsewhere::App;")),
        Vec::<String>::new()
    );
    assert_eq!(
        wrong_imports(&HOUSE, &crate_with("mod token; mod app; pub use app::App;")),
        ["src/policy.rs is in no module of the crate"]
    );
}

#[test]
fn a_circle_is_found_and_its_shortest_way_round_told() {
    assert_eq!(
        found(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::{B, other}; pub struct A;"),
            ("b.rs", "use super::c; pub struct B; pub fn other(_: c::C) {}"),
            ("c.rs", "pub struct C; fn f(_: crate::a::A) { crate::b::other() }"),
        ]),
        [("a.rs b.rs c.rs".to_owned(), "b.rs -> c.rs (C) -> b.rs (other)".to_owned())]
    );
    let through_the_introduction = [
        ("lib.rs", "mod token;"),
        ("token/mod.rs", "mod amr; mod claim; pub use amr::Amr; pub(crate) use claim::*;"),
        ("token/amr.rs", "use super::Claim; pub struct Amr;"),
        ("token/claim.rs", "pub struct Claim; impl Claim { fn f() -> crate::token::Amr {} }"),
    ];
    let circle = "token/amr.rs -> token/claim.rs (Claim) -> token/amr.rs (Amr)";
    assert_eq!(found(&through_the_introduction), [("token/amr.rs token/claim.rs".to_owned(), circle.to_owned())]);
    let with_the_introduction = [
        ("lib.rs", "mod app;"),
        ("app/mod.rs", "mod listen; pub use listen::Listener; pub struct App(Listener);"),
        ("app/listen.rs", "pub struct Listener; impl super::App {}"),
    ];
    let circle = "app/listen.rs -> app/mod.rs (App) -> app/listen.rs (Listener)";
    assert_eq!(found(&with_the_introduction), [("app/listen.rs app/mod.rs".to_owned(), circle.to_owned())]);
}

#[test]
fn what_only_looks_like_a_circle_is_none() {
    let introductions = [
        ("lib.rs", "mod a; pub use a::{A, B};"),
        ("a/mod.rs", "mod one; mod two; pub use one::A; pub use two::B; pub mod deep { pub use super::two::B; }"),
        ("a/one.rs", "use super::B; use super::deep::B as Same; use crate::B as Again; pub struct A;"),
        ("a/two.rs", "pub struct B;"),
    ];
    assert_eq!(found(&introductions), []);
    let methods_and_tests = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub struct A; impl A { fn f(&self) { self.g() } } #[cfg(test)] mod tests { use crate::b::B; }"),
        ("b.rs", "use crate::a::A; pub struct B; impl A { pub fn g(&self) {} }"),
    ];
    assert_eq!(found(&methods_and_tests), []);
    let same_names = [
        ("lib.rs", "mod run; mod deeper;"),
        ("run.rs", "use super::deeper; pub fn run() { deeper::run() }"),
        ("deeper/mod.rs", "mod run; pub use run::run;"),
        ("deeper/run.rs", "pub fn run() { let run = 1; run.run::<run>(); self::run() }"),
    ];
    assert_eq!(found(&same_names), []);
}

#[test]
fn a_dependency_upwards_is_found() {
    let found = |manifest: &str| wrong_dependencies(&HOUSE, manifest);
    let wrong = [
        "[dependencies]\nmfa-gateway-keys = { path = \"crates/keys\" }",
        "[dependencies]\nmfa-gateway-keys.workspace = true",
        "[dependencies]\nkeys = { path = \"crates/keys\", package = \"mfa-gateway-keys\" }",
        "[target.'cfg(unix)'.build-dependencies.mfa-gateway-keys]\npath = \"crates/keys\"",
    ];
    for manifest in wrong {
        let problem = "the root package depends on mfa-gateway-keys, which doesn't stand below it";
        assert_eq!(found(manifest), [problem], "{manifest}");
    }
    let right =
        "[dependencies]\nbytes = \"1\"\nmfa-gateway-core = \"0.1\"\n[dev-dependencies]\nmfa-gateway-keys = \"0.1\"";
    assert_eq!(found(right), Vec::<String>::new());
}

#[test]
fn a_long_function_is_found() {
    let source = |lines: usize| {
        let body = "\n    f();".repeat(lines);
        format!("impl A {{\n  fn long() {{{body}\n  }}\n}}\n#[cfg(test)]\nmod tests {{ fn longer() {{{body}\n\n}} }}")
    };
    assert_eq!(long_functions("src/a.rs", &source(60)), Vec::<String>::new());
    assert_eq!(
        long_functions("src/a.rs", &source(61)),
        ["src/a.rs:2: the body of long has 61 lines, and 60 is the limit"]
    );
}

fn files(sources: &[(&str, &str)]) -> Files {
    sources.iter().map(|(file, source)| ((*file).to_owned(), (*source).to_owned())).collect()
}

/// A crate with this file, and otherwise with empty modules.
fn alone(file: &str, source: &str) -> Files {
    let modules = format!("mod {};", HOUSE.order.join("; mod "));
    let mut files = files(&[("lib.rs", &modules)]);
    files.extend(HOUSE.order.iter().map(|module| (format!("{module}/mod.rs"), String::new())));
    let parts: Vec<_> = file.trim_end_matches(".rs").split('/').collect();
    for depth in 1..parts.len() {
        files.insert(format!("{}/mod.rs", parts[..depth].join("/")), format!("mod {};", parts[depth]));
    }
    match file {
        "lib.rs" => files.insert(file.to_owned(), format!("{modules}{source}")),
        _ => files.insert(file.to_owned(), source.to_owned()),
    };
    if parts.len() == 1 {
        files.remove(&format!("{}/mod.rs", parts[0]));
    }
    files
}

/// The circles of a crate: their files, and the shortest way round.
fn found(sources: &[(&str, &str)]) -> Vec<(String, String)> {
    let circles = circles(&files(sources)).into_iter();
    circles.map(|circle| (circle.files.join(" "), circle.shortest)).collect()
}
