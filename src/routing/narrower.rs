//! The patterns below each prefix, whose routes take requests away from it.
//!
//! The decision log has no paths. With these patterns, a line says by itself which requests its route did not get, and
//! decisions can be made again without the configuration that recorded them.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use super::Pattern;

/// How many patterns are named, and how many bytes they may have. For more, there is a digest.
const MAX_NAMED: usize = 16;
const MAX_BYTES: usize = 512;

/// The word before a digest.
const DIGEST: &str = "digest ";

/// A pattern as it is compared: without a slash at its end, its kind, and as it is written.
type Key<'p> = (&'p str, bool, &'p str);

fn key(pattern: &Pattern) -> Key<'_> {
    let written = pattern.as_written();
    (written.trim_end_matches('/'), matches!(pattern, Pattern::Exact(_)), written)
}

/// For each pattern, those of `all` that are below it.
pub(super) fn of_each<'p>(
    patterns: impl Iterator<Item = &'p Pattern>,
    all: impl Iterator<Item = &'p Pattern>,
) -> Vec<Arc<[String]>> {
    let all: Vec<&Pattern> = all.collect();
    let keys: BTreeSet<Key<'_>> = all.iter().copied().map(key).collect();
    patterns
        .map(|pattern| match pattern {
            Pattern::Exact(_) => Arc::default(),
            // What is written out comes first, so that nothing but what is below it takes requests away.
            Pattern::Prefix(_) if !pattern.has_parameters() => below(&keys, key(pattern).0),
            Pattern::Prefix(_) => {
                let taking: BTreeSet<Key<'_>> =
                    all.iter().filter(|other| takes_from(other, pattern)).copied().map(key).collect();
                named_or_digest(|| taking.iter())
            }
        })
        .collect()
}

/// Whether `other` comes first for some path of `pattern`.
pub(crate) fn takes_from(other: &Pattern, pattern: &Pattern) -> bool {
    pattern.overlaps(other) && other.rank() > pattern.rank()
}

fn below(all: &BTreeSet<Key<'_>>, stem: &str) -> Arc<[String]> {
    let beginning = [stem, "/"].concat();
    let same = all.range((Bound::Included((stem, true, "")), Bound::Unbounded)).take_while(|one| one.0 == stem);
    let longer = all.range((Bound::Included((&*beginning, false, "")), Bound::Unbounded));
    named_or_digest(|| same.clone().chain(longer.clone().take_while(|one| one.0.starts_with(&beginning))))
}

/// The patterns, if they are few; else a digest of them.
fn named_or_digest<'k, I: Iterator<Item = &'k Key<'k>>>(found: impl Fn() -> I) -> Arc<[String]> {
    let few =
        found().take(MAX_NAMED + 1).map(|one| one.2.len()).fold((0, 0), |(count, sum), len| (count + 1, sum + len));
    if few.0 <= MAX_NAMED && few.1 <= MAX_BYTES {
        return found().map(|(_, is_exact, written)| text(*is_exact, written)).collect();
    }
    let mut context = Context::new(&SHA256);
    for (_, is_exact, written) in found() {
        // No pattern contains a line's end.
        context.update(text(*is_exact, written).as_bytes());
        context.update(b"\n");
    }
    let first = context.finish().as_ref().iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    Arc::new([format!("{DIGEST}{first:016x}")])
}

fn text(is_exact: bool, written: &str) -> String {
    [if is_exact { "path " } else { "prefix " }, written].concat()
}

/// The pattern that a text names; `None` for a digest.
pub(crate) fn named(text: &str) -> Option<Pattern> {
    let pattern = |(kind, written): (&str, &str)| match kind {
        "path" => Some(Pattern::Exact(written.to_owned())),
        "prefix" => Some(Pattern::Prefix(written.to_owned())),
        _ => None,
    };
    text.split_once(' ').and_then(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrower(patterns: &[&str]) -> Vec<Arc<[String]>> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| named(text).unwrap()).collect();
        of_each(patterns.iter(), patterns.iter())
    }

    #[test]
    fn a_prefix_has_what_is_below_it_by_whole_segments() {
        let found = narrower(&[
            "prefix /",
            "path /health",
            "prefix /v1/",
            "path /v1",
            "prefix /v1/a",
            "path /v1/",
            "path /v10",
            "prefix /v1-b",
            "prefix /v1/",
        ]);
        assert_eq!(*found[2], ["path /v1", "path /v1/", "prefix /v1/a"].map(str::to_owned));
        assert_eq!((&found[2], found[1].len(), found[4].len()), (&found[8], 0, 0));
        let all = ["path /health", "prefix /v1/", "path /v1", "path /v1/", "prefix /v1-b", "prefix /v1/a", "path /v10"];
        let mut root = found[0].to_vec();
        root.sort();
        let mut all = all.map(str::to_owned).to_vec();
        all.sort();
        assert_eq!(root, all);
    }

    #[test]
    fn it_agrees_with_what_patterns_contain() {
        let written = ["/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/a-b", "/a/b/c"];
        let with_parameters = ["/", "/a/b", "/a/b/c", "/{x}", "/{x}/b", "/a/{x}/", "/a/{x}/c", "/{x}/{y}/c"];
        for paths in [written, with_parameters] {
            agrees(&paths);
        }
    }

    fn agrees(paths: &[&str]) {
        let patterns: Vec<Pattern> = paths
            .iter()
            .flat_map(|path| [text(true, path), text(false, path)])
            .filter_map(|text| named(&text))
            .collect();
        for (pattern, found) in patterns.iter().zip(of_each(patterns.iter(), patterns.iter())) {
            let mut expected: Vec<String> = patterns
                .iter()
                .filter(|other| matches!(pattern, Pattern::Prefix(_)) && takes_from(other, pattern))
                .map(|other| text(matches!(other, Pattern::Exact(_)), other.as_written()))
                .collect();
            let mut found = found.to_vec();
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{pattern:?}");
        }
    }

    #[test]
    fn many_are_a_digest_that_tells_them_apart() {
        let many = |count: usize| {
            let patterns: Vec<Pattern> = std::iter::once("/".to_owned())
                .chain((0..count).map(|at| format!("/{at}/")))
                .map(Pattern::Prefix)
                .collect();
            of_each(patterns.iter(), patterns.iter()).remove(0)
        };
        assert_eq!(many(16).len(), 16);
        let (one, other) = (many(17), many(18));
        assert!(one.len() == 1 && one[0].starts_with(DIGEST) && named(&one[0]).is_none());
        assert_ne!(one, other);
        assert_eq!(one, many(17));
        let long = ["prefix /".to_owned(), format!("path /{}", "x".repeat(600))];
        assert!(narrower(&[&long[0], &long[1]])[0][0].starts_with(DIGEST));
    }
}
