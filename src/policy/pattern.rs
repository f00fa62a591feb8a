//! The paths that a route is for, and how one of many is found.

use std::collections::HashMap;

use super::{path, spelling};

/// The paths a route is for.
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

    /// Whether a folded path may be one of these with short names (8.3) in place of long ones.
    pub(super) fn may_be_abbreviated_as(&self, folded: &str) -> bool {
        let own = spelling::fold(&path::decoded(self.as_written()));
        let (own, path) = (own.trim_end_matches('/'), folded.trim_end_matches('/'));
        let (own, path) = (own.split('/'), path.split('/'));
        let long_enough = match self {
            Self::Exact(_) => own.clone().count() == path.clone().count(),
            Self::Prefix(_) => own.clone().count() <= path.clone().count(),
        };
        long_enough && own.zip(path).all(|(own, given)| own == given || spelling::may_abbreviate(given, own))
    }
}

/// Patterns, with the places of their routes.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) exact: HashMap<String, Vec<usize>>,
    prefixes: HashMap<String, Vec<usize>>,
}

impl Index {
    pub(super) fn insert(&mut self, pattern: &Pattern, at: usize, fold: impl Fn(&str) -> String) {
        match pattern {
            Pattern::Exact(path) => self.exact.entry(fold(path)).or_default().push(at),
            Pattern::Prefix(path) => self.prefixes.entry(fold(path.trim_end_matches('/'))).or_default().push(at),
        }
    }

    /// The most specific pattern's routes.
    pub(super) fn find(&self, path: &str) -> Option<&[usize]> {
        if let Some(group) = self.exact.get(path) {
            return Some(group);
        }
        let mut prefix = path.trim_end_matches('/');
        loop {
            if let Some(group) = self.prefixes.get(prefix) {
                return Some(group);
            }
            prefix = &prefix[..prefix.rfind('/')?];
        }
    }
}
