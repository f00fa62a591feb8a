//! The commit that a build names, by what it is built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The build script as a program, made from this text.
fn compiled(folder: &Path, source: &str) -> PathBuf {
    let (file, program) = (folder.join("build.rs"), folder.join("build"));
    fs::write(&file, source).unwrap();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let made = Command::new(rustc).arg("--edition=2024").arg("-o").arg(&program).arg(&file).status().unwrap();
    assert!(made.success());
    program
}

/// The commit that it names for a root, and the files that it watches.
fn run(program: &Path, root: &Path, profile: &str, given: Option<&str>) -> (String, Vec<PathBuf>) {
    let mut command = Command::new(program);
    command.env_clear().env("CARGO_MANIFEST_DIR", root).env("PROFILE", profile);
    command.envs(given.map(|given| ("MFA_GATEWAY_COMMIT", given)));
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let commit = said.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=MFA_GATEWAY_COMMIT=")).unwrap();
    let watched = said.lines().filter_map(|line| line.strip_prefix("cargo:rerun-if-changed="));
    (commit.to_owned(), watched.map(PathBuf::from).collect())
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

#[test]
fn a_release_names_the_commit_of_its_clone_package_or_archive() {
    let folder = tempfile::tempdir().unwrap();
    let source = include_str!("../build.rs");
    let program = compiled(folder.path(), source);
    let (line, packed) = (format!("{COMMIT}\n"), format!("# pack-refs\n{COMMIT} refs/heads/main\n"));
    let vcs = format!("{{\"git\": {{\"sha1\": \"{COMMIT}\"}}, \"path_in_vcs\": \"\"}}");
    let pointer = format!("gitdir: {}\n", folder.path().join("worktree/git/worktrees/one").display());
    let sources: [(&str, &[(&str, &str)]); 6] = [
        ("clone", &[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", &line), (".git/logs/HEAD", "")]),
        ("packed", &[(".git/HEAD", "ref: refs/heads/main\n"), (".git/packed-refs", &packed)]),
        ("detached", &[(".git/HEAD", &line)]),
        (
            "worktree",
            &[
                (".git", &pointer),
                ("git/worktrees/one/HEAD", "ref: refs/heads/one\n"),
                ("git/worktrees/one/commondir", "../..\n"),
                ("git/refs/heads/one", &line),
            ],
        ),
        ("package", &[(".cargo_vcs_info.json", &vcs)]),
        ("tarball", &[]),
    ];
    for (name, files) in sources {
        let root = folder.path().join(name);
        fs::create_dir_all(&root).unwrap();
        write(&root, files);
        let expected = if name == "tarball" { "unknown" } else { COMMIT };
        let (commit, watched) = run(&program, &root, "release", None);
        assert_eq!(commit, expected, "{name}");
        // A file that isn't there would have every build compile the program anew.
        assert!(watched.iter().skip(1).all(|file| file.exists()), "{name}: {watched:?}");
        assert_eq!(run(&program, &root, "release", Some("89abcdef-dirty")).0, "89abcdef-dirty", "{name}");
        assert_eq!(run(&program, &root, "release", Some("unknown")).0, expected, "{name}");
    }
    let archive = folder.path().join("archive");
    fs::create_dir_all(&archive).unwrap();
    let program = compiled(&archive, &source.replace("$Format:%H$", COMMIT));
    assert_eq!(run(&program, &archive, "debug", None).0, COMMIT);
}

#[test]
fn a_debug_build_names_none_and_is_made_anew_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = compiled(folder.path(), include_str!("../build.rs"));
    write(folder.path(), &[(".git/HEAD", &format!("{COMMIT}\n"))]);
    assert_eq!(run(&program, folder.path(), "debug", None), ("unknown".to_owned(), vec!["build.rs".into()]));
}
