//! The checks of the fuzz targets, on their seeds and on what a short while of changing them gives.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../fuzz/checks.rs"]
mod checks;
#[path = "../fuzz/proof_checks.rs"]
mod proof_checks;

type Check = fn(&[u8]);

/// How long each check is tried.
const WHILE: Duration = Duration::from_millis(400);

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Changes a few bytes, or puts parts of two seeds together.
fn mutated(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = random.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=bytes.len());
        match random.u8(..6) {
            0 if at < bytes.len() => bytes[at] = random.u8(..),
            1 => bytes.insert(at, random.choice(b"\0\r\n\t :;,.%#/\\\"{}[]=-_\xff0aA").copied().unwrap()),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => {
                let other = random.choice(seeds).unwrap();
                let from = random.usize(..=other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => bytes.extend_from_within(at..),
        }
        bytes.truncate(1 << 16);
    }
    bytes
}

#[test]
fn what_the_fuzz_targets_check_holds_for_their_seeds_and_their_like() {
    let targets: [(&str, Check); 12] = [
        ("token", checks::token),
        ("proof", proof_checks::proof),
        ("key_set", checks::key_set),
        ("path", checks::path),
        ("headers", checks::headers),
        ("head", checks::head),
        ("chunked", checks::chunked),
        ("configuration", checks::configuration),
        ("discovery", checks::discovery),
        ("callback", checks::callback),
        ("cookies", checks::cookies),
        ("return_path", checks::return_path),
    ];
    for (target, check) in targets {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in &seeds {
            check(seed);
        }
        let mut random = fastrand::Rng::new();
        let begin = Instant::now();
        while begin.elapsed() < WHILE {
            let bytes = mutated(&seeds, &mut random);
            let checked = std::panic::catch_unwind(|| check(&bytes));
            assert!(checked.is_ok(), "{target} fails on {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
