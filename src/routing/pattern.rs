//! The paths that a route matches, and how to find one pattern of many.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::encoding::decoded;
use super::spelling;

/// The paths that a route matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this path.
    Exact(String),
    /// This path and all below it, by whole segments.
    Prefix(String),
}

impl Pattern {
    /// The pattern as the configuration writes it.
    #[must_use]
    pub fn as_written(&self) -> &str {
        match self {
            Self::Exact(path) | Self::Prefix(path) => path,
        }
    }

    /// The configuration field for it: `path` or `prefix`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Exact(_) => "path",
            Self::Prefix(_) => "prefix",
        }
    }

    /// Whether both match the same paths.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(other)) => one == other,
            (Self::Prefix(one), Self::Prefix(other)) => one.trim_end_matches('/') == other.trim_end_matches('/'),
            _ => false,
        }
    }

    /// Whether this pattern also matches every path of `other`.
    #[must_use]
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let stem = |pattern: &'_ Self| pattern.as_written().trim_end_matches('/').to_owned();
        match self {
            Self::Exact(_) => self == other,
            Self::Prefix(_) => {
                stem(other).strip_prefix(&stem(self)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

/// The segments of a pattern, decoded and folded: names that Windows might shorten (8.3).
#[derive(Debug)]
pub(super) struct LongNames {
    /// By the form of their letters.
    forms: Vec<Vec<String>>,
    /// Whether the pattern matches paths below too.
    is_prefix: bool,
}

impl LongNames {
    pub(super) fn of(pattern: &Pattern) -> Self {
        let segments = |form: &String| form.trim_end_matches('/').split('/').map(str::to_owned).collect();
        let mut forms = spelling::folded_forms(&decoded(pattern.as_written()));
        // Windows makes a short name of plain letters. If they are known, it begins with them.
        if forms.iter().any(|form| form.is_ascii()) {
            forms.retain(|form| form.is_ascii());
        }
        let forms = forms.iter().map(segments).collect();
        Self { forms, is_prefix: matches!(pattern, Pattern::Prefix(_)) }
    }

    /// Whether a folded path may match the pattern with short names in place of long ones.
    pub(super) fn may_be_abbreviated_as(&self, folded: &str) -> bool {
        self.forms.iter().any(|segments| {
            let mut given = folded.trim_end_matches('/').split('/');
            let mut abbreviates = false;
            let same = |own: &String| {
                let given = given.next();
                let is_short = given.is_some_and(|given| own != given && spelling::may_abbreviate(given, own));
                abbreviates |= is_short;
                is_short || given == Some(own)
            };
            segments.iter().all(same) && abbreviates && (self.is_prefix || given.next().is_none())
        })
    }
}

/// Patterns, with the indices of their routes.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) exact: HashMap<String, Vec<usize>, RandomState>,
    prefixes: HashMap<String, Vec<usize>, RandomState>,
    /// The length of the longest prefix.
    longest: usize,
}

impl Index {
    /// Inserts a pattern in one of its forms.
    pub(super) fn insert(&mut self, pattern: &Pattern, at: usize, form: &str) {
        match pattern {
            Pattern::Exact(_) => self.exact.entry(form.to_owned()).or_default().push(at),
            Pattern::Prefix(_) => {
                let prefix = form.trim_end_matches('/').to_owned();
                self.longest = self.longest.max(prefix.len());
                self.prefixes.entry(prefix).or_default().push(at);
            }
        }
    }

    /// The most specific pattern's routes.
    pub(super) fn find(&self, path: &str) -> Option<&[usize]> {
        if let Some(group) = self.exact.get(path) {
            return Some(group);
        }
        let mut prefix = path.trim_end_matches('/');
        if prefix.len() > self.longest {
            // No prefix is this long, so the search begins at a slash within the longest one's length.
            let slash = prefix.as_bytes()[..=self.longest].iter().rposition(|&byte| byte == b'/')?;
            prefix = &prefix[..slash];
        }
        loop {
            if let Some(group) = self.prefixes.get(prefix) {
                return Some(group);
            }
            prefix = &prefix[..prefix.rfind('/')?];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_contains_what_is_below_it_by_whole_segments() {
        let exact = |path: &str| Pattern::Exact(path.to_owned());
        let prefix = |path: &str| Pattern::Prefix(path.to_owned());
        for (outer, inner) in [
            (prefix("/"), prefix("/")),
            (prefix("/"), exact("/a")),
            (prefix("/v1/"), prefix("/v1")),
            (prefix("/v1"), exact("/v1/")),
            (prefix("/v1/"), exact("/v1")),
            (prefix("/v1/"), prefix("/v1/a/b")),
            (exact("/v1"), exact("/v1")),
        ] {
            assert!(outer.contains(&inner), "{outer:?} {inner:?}");
        }
        for (outer, inner) in [
            (prefix("/v1/"), prefix("/")),
            (prefix("/v1/"), exact("/v10")),
            (prefix("/v1/"), prefix("/V1/a")),
            (exact("/v1"), exact("/v1/")),
            (exact("/v1"), prefix("/v1")),
        ] {
            assert!(!outer.contains(&inner), "{outer:?} {inner:?}");
        }
    }
}
