//! The crates, what each may depend on, and the order of the modules in each.

use std::fs;

use super::root;
use super::tree::Files;

/// A package of this repository.
pub(super) struct Crate {
    /// Its folder, from the root.
    pub(super) folder: &'static str,
    /// The crates of ours that it may depend on, by the names of their folders.
    pub(super) below: &'static [&'static str],
    /// The modules of its `src/` in one line. A module imports only what stands before it.
    pub(super) order: &'static [&'static str],
}

pub(super) const CRATES: &[Crate] = &[
    Crate { folder: "crates/core", below: &[], order: &["chain", "clock", "random", "json", "token", "policy"] },
    Crate { folder: "crates/files", below: &[], order: &["within", "read", "append", "private"] },
    Crate {
        folder: "crates/wire",
        below: &["files"],
        order: &["io", "body", "fields", "http1", "http2", "client", "upstream"],
    },
    Crate {
        folder: "crates/keys",
        below: &["core", "files"],
        order: &[
            "settings",
            "metrics",
            "encoding",
            "no_proxy",
            "clients",
            "fetch",
            "post",
            "call",
            "file",
            "metadata",
            "discovery",
            "budget",
            "status",
            "stored",
            "archive",
            "memory",
            "source",
            "ask",
            "attempt",
            "refresh",
        ],
    },
    Crate {
        folder: "crates/layer",
        below: &["core", "keys"],
        order: &[
            "metrics",
            "credential",
            "seen_proofs",
            "sender",
            "issuer",
            "recent",
            "cache",
            "proof",
            "authenticator",
            "client",
            "events",
            "ids",
            "introspection",
            "preview",
            "refusal",
            "places",
            "error",
            "trusted",
            "requirement",
            "resource",
            "caller",
            "shared",
            "refuse",
            "guard",
            "service",
            "gateway",
            "builder",
            "axum",
            "tonic",
        ],
    },
    Crate {
        folder: "crates/store",
        below: &["core", "files"],
        order: &[
            "random",
            "sealing_keys",
            "seal",
            "envelope",
            "settings",
            "error",
            "dialect",
            "rows",
            "connect",
            "pool",
            "metrics",
            "listen",
            "session",
            "consent",
            "store",
            "changes",
            "consents",
            "followed",
            "ends",
            "once",
            "refresh",
            "revocations",
            "sessions",
            "wanted",
            "tallies",
            "requests",
            "sums",
            "users",
            "customers",
            "flush",
            "retention",
            "exception",
            "exceptions",
            "register",
            "uses",
            "vendor",
            "vendor_customers",
            "vendors",
        ],
    },
    Crate { folder: "crates/demo", below: &["core"], order: &["people", "tenants", "provider", "api", "portal"] },
    Crate {
        folder: "",
        below: &["core", "files", "wire", "keys", "layer", "store", "demo"],
        order: &[
            "visible",
            "telemetry",
            "routing",
            "upstream",
            "journal",
            "report",
            "oidc",
            "introspection",
            "consent",
            "vendors",
            "session",
            "events",
            "pages",
            "gateway",
            "faces",
            "server",
            "exceptions",
            "config",
            "library",
            "replay",
            "admin",
            "app",
            "demo",
            "cli",
        ],
    },
];

impl Crate {
    /// Where its sources are, from the root.
    pub(super) fn src(&self) -> String {
        if self.folder.is_empty() { "src".to_owned() } else { format!("{}/src", self.folder) }
    }

    pub(super) fn exists(&self) -> bool {
        root().join(self.folder).join("Cargo.toml").exists()
    }

    /// Its sources, by their paths in `src/`.
    pub(super) fn files(&self) -> Files {
        let src = root().join(self.src());
        let name = |path: &std::path::Path| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        super::rust_files(&src).into_iter().map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
    }

    pub(super) fn place(&self, module: &str) -> Option<usize> {
        self.order.iter().position(|known| *known == module)
    }
}

#[test]
fn every_crate_has_its_entry() {
    let Ok(entries) = fs::read_dir(root().join("crates")) else { return };
    for entry in entries {
        let folder = format!("crates/{}", entry.unwrap().file_name().to_str().unwrap());
        let known = CRATES.iter().any(|known| known.folder == folder);
        assert!(known, "{folder} has no entry in the table of crates; write what it may depend on, and its modules");
    }
}

#[test]
fn every_module_has_its_place_in_the_order() {
    for of in CRATES.iter().filter(|known| known.exists()) {
        let entries = fs::read_dir(root().join(of.src())).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        found.retain(|name| !matches!(name.as_str(), "main" | "lib"));
        found.sort();
        let mut listed = of.order.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed, "left: the modules of {}; right: those that have a place in the order", of.src());
    }
}

#[test]
fn crates_depend_only_on_crates_below_them() {
    let mut problems = Vec::new();
    for of in CRATES.iter().filter(|known| known.exists()) {
        let manifest = fs::read_to_string(root().join(of.folder).join("Cargo.toml")).unwrap();
        problems.extend(wrong_dependencies(of, &manifest));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The crates of ours that a manifest names and the table doesn't. What the tests alone depend on may be anything.
pub(super) fn wrong_dependencies(of: &Crate, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let sections = std::iter::once(&manifest).chain(targets.filter_map(toml::Value::as_table));
    let lists = sections.flat_map(|section| [section.get("dependencies"), section.get("build-dependencies")]);
    let mut problems = Vec::new();
    for (key, entry) in lists.flatten().filter_map(toml::Value::as_table).flatten() {
        let package = entry.get("package").and_then(toml::Value::as_str).unwrap_or(key);
        let Some(name) = package.strip_prefix("mfa-gateway-") else { continue };
        if !of.below.contains(&name) {
            let folder = if of.folder.is_empty() { "the root package" } else { of.folder };
            problems.push(format!("{folder} depends on {package}, which doesn't stand below it"));
        }
    }
    problems
}
