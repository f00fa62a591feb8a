//! Tells the program the commit that it is built from.
//!
//! Only files and one variable are read: no git, no network, no time, so that the same commit gives the same program. A
//! debug build names no commit, or each one would compile the program anew.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// `git archive`, and with it a code host's tarballs, writes the commit here (`.gitattributes`).
const ARCHIVED: &str = "$Format:%H$";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=MFA_GATEWAY_COMMIT");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = env::var("MFA_GATEWAY_COMMIT")
        .ok()
        .and_then(named)
        .or_else(|| named(ARCHIVED.to_owned()))
        .or_else(|| packaged(&root))
        .or_else(|| is_release.then(|| cloned(&root))?);
    println!("cargo:rustc-env=MFA_GATEWAY_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// What can be the name of a commit: the ids of git, and what `git describe --dirty` adds.
fn named(text: String) -> Option<String> {
    let id = text.strip_suffix("-dirty").unwrap_or(&text);
    let is_id = (7..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(text)
}

/// The commit that `cargo package` notes.
fn packaged(root: &Path) -> Option<String> {
    let info = fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, after) = info.split_once("\"sha1\"")?;
    named(after.split('"').nth(1)?.to_owned())
}

/// The commit that a clone or a worktree is at.
fn cloned(root: &Path) -> Option<String> {
    let git = root.join(".git");
    let git = match fs::read_to_string(&git) {
        // A worktree's is a file that names the folder.
        Ok(link) => root.join(link.strip_prefix("gitdir:")?.trim()),
        Err(_) => git,
    };
    let head = read(&git.join("HEAD"))?;
    // It grows with every commit, also where HEAD and the branch's own file stay as they are.
    read(&git.join("logs/HEAD"));
    let Some(branch) = head.strip_prefix("ref:").map(str::trim) else { return named(head.trim().to_owned()) };
    let common = fs::read_to_string(git.join("commondir")).map_or(git.clone(), |common| git.join(common.trim()));
    let loose = read(&common.join(branch)).and_then(|id| named(id.trim().to_owned()));
    loose.or_else(|| {
        let packed = read(&common.join("packed-refs"))?;
        let mut refs = packed.lines().filter_map(|line| line.split_once(' '));
        refs.find_map(|(id, name)| (name == branch).then(|| named(id.to_owned()))?)
    })
}

/// Reads a file, and has cargo run this again when it changes.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo:rerun-if-changed={}", path.display());
    Some(text)
}
