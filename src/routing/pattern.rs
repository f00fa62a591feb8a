//! The paths that a route matches, and how to find one pattern of many.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::encoding::decoded;
use super::spelling;
use super::template::{Segment, Sought, Tree, parameter, segments};

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

    /// The parameters, by name, each with the number of segments before it.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, usize)> {
        segments(self.as_written()).enumerate().filter_map(|(at, segment)| match segment {
            Segment::Parameter(name) => Some((name, at)),
            Segment::Written(_) => None,
        })
    }

    /// Whether a segment is a parameter.
    pub(crate) fn has_parameters(&self) -> bool {
        self.parameters().next().is_some()
    }

    /// The pattern without the names of its parameters: two of one shape match the same paths.
    pub(crate) fn shape(&self) -> Cow<'_, str> {
        let written = self.as_written();
        if !self.has_parameters() {
            return written.into();
        }
        let of_segment = |segment| if parameter(segment).is_some() { "{}" } else { segment };
        written.split('/').map(of_segment).collect::<Vec<_>>().join("/").into()
    }

    /// A path that it matches: the same for every pattern, as far as their parameters go.
    pub(crate) fn example(&self, value: &str) -> String {
        self.shape().replace("{}", value)
    }

    /// How early it comes where others match the same path: segment by segment, what is written before a parameter, and
    /// more before fewer.
    pub(crate) fn rank(&self) -> (Vec<bool>, bool) {
        let written = segments(self.as_written()).map(|segment| segment.is_written()).collect();
        (written, matches!(self, Self::Exact(_)))
    }

    /// Whether both match the same paths.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(_), Self::Exact(_)) => self.shape() == other.shape(),
            (Self::Prefix(_), Self::Prefix(_)) => {
                self.shape().trim_end_matches('/') == other.shape().trim_end_matches('/')
            }
            _ => false,
        }
    }

    /// Whether this pattern also matches every path of `other`.
    #[must_use]
    pub(crate) fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Exact(_) if !self.has_parameters() => self == other,
            Self::Exact(_) => {
                let ends = |pattern: &Self| pattern.as_written().ends_with('/');
                matches!(other, Self::Exact(_))
                    && ends(self) == ends(other)
                    && self.depth() == other.depth()
                    && self.pairs(other).all(|(own, other)| own.contains(&other))
            }
            Self::Prefix(_) => {
                self.depth() <= other.depth() && self.pairs(other).all(|(own, other)| own.contains(&other))
            }
        }
    }

    /// Whether some path matches both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let reaches = |one: &Self, other: &Self| match one {
            Self::Prefix(_) => one.depth() <= other.depth(),
            Self::Exact(written) => match other {
                Self::Prefix(_) => one.depth() >= other.depth(),
                Self::Exact(theirs) => one.depth() == other.depth() && written.ends_with('/') == theirs.ends_with('/'),
            },
        };
        (reaches(self, other) || reaches(other, self)) && self.pairs(other).all(|(own, other)| own.meets(&other))
    }

    fn depth(&self) -> usize {
        segments(self.as_written()).count()
    }

    /// The segments at the same places, as far as both go.
    fn pairs<'p>(&'p self, other: &'p Self) -> impl Iterator<Item = (Segment<'p>, Segment<'p>)> {
        segments(self.as_written()).zip(segments(other.as_written()))
    }
}

/// The segments of a pattern, decoded and folded: names that Windows might shorten (8.3).
#[derive(Debug)]
pub(super) struct LongNames {
    /// By the form of their letters; `None` for a parameter.
    forms: Vec<Vec<Option<String>>>,
    /// Whether the pattern matches paths below too.
    is_prefix: bool,
}

impl LongNames {
    pub(super) fn of(pattern: &Pattern) -> Self {
        let is_parameter = |at: usize| pattern.parameters().any(|(_, place)| place + 1 == at);
        let name = |(at, name): (usize, &str)| (!is_parameter(at)).then(|| name.to_owned());
        let segments = |form: &String| form.trim_end_matches('/').split('/').enumerate().map(name).collect();
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
            let same = |own: &Option<String>| {
                let given = given.next();
                let Some(own) = own else { return given.is_some_and(|given| !given.is_empty()) };
                let is_short = given.is_some_and(|given| *own != given && spelling::may_abbreviate(given, own));
                abbreviates |= is_short;
                is_short || given == Some(&**own)
            };
            segments.iter().all(same) && abbreviates && (self.is_prefix || given.next().is_none())
        })
    }
}

/// Patterns, with the indices of their routes.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<String, Vec<usize>, RandomState>,
    prefixes: HashMap<String, Vec<usize>, RandomState>,
    /// The length of the longest prefix.
    longest: usize,
    /// Those with parameters.
    templates: Tree,
}

impl Index {
    /// Inserts a pattern in one of its forms.
    pub(super) fn insert(&mut self, pattern: &Pattern, at: usize, form: &str) {
        match pattern {
            _ if pattern.has_parameters() => self.templates.insert(form, matches!(pattern, Pattern::Exact(_)), at),
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
        let written = self.find_written(path);
        if self.templates.is_empty() {
            return written.map(|(group, _)| group);
        }
        // Where the one has a parameter, the other has what is written there, or has ended before.
        match (written, self.templates.find(path, Sought::All)) {
            (Some((group, depth)), Some((_, place))) if depth > place => Some(group),
            (written, template) => template.map(|(group, _)| group).or(written.map(|(group, _)| group)),
        }
    }

    /// The routes of the most specific pattern that is a path.
    pub(super) fn find_exact(&self, path: &str) -> Option<&[usize]> {
        let template = || self.templates.find(path, Sought::Exact).map(|(group, _)| group);
        self.exact.get(path).map(Vec::as_slice).or_else(template)
    }

    /// The most specific of the patterns without parameters, with the number of its segments.
    fn find_written(&self, path: &str) -> Option<(&[usize], usize)> {
        if let Some(group) = self.exact.get(path) {
            return Some((group, depth(path)));
        }
        let mut prefix = path.trim_end_matches('/');
        if prefix.len() > self.longest {
            // No prefix is this long, so the search begins at a slash within the longest one's length.
            let slash = prefix.as_bytes()[..=self.longest].iter().rposition(|&byte| byte == b'/')?;
            prefix = &prefix[..slash];
        }
        loop {
            if let Some(group) = self.prefixes.get(prefix) {
                return Some((group, depth(prefix)));
            }
            prefix = &prefix[..prefix.rfind('/')?];
        }
    }
}

/// How many segments a path has.
fn depth(path: &str) -> usize {
    path.trim_end_matches('/').matches('/').count()
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
            (prefix("/v1/{a}"), prefix("/v1/x/")),
            (prefix("/v1/{a}"), exact("/v1/{b}/c")),
            (prefix("/v1"), prefix("/v1/{a}/")),
            (exact("/v1/{a}"), exact("/v1/b")),
            (exact("/v1/{a}/"), exact("/v1/{b}/")),
        ] {
            assert!(outer.contains(&inner) && outer.overlaps(&inner) && inner.overlaps(&outer), "{outer:?} {inner:?}");
        }
        for (outer, inner) in [
            (prefix("/v1/"), prefix("/")),
            (prefix("/v1/"), exact("/v10")),
            (prefix("/v1/"), prefix("/V1/a")),
            (exact("/v1"), exact("/v1/")),
            (exact("/v1"), prefix("/v1")),
            (prefix("/v1/x"), prefix("/v1/{a}")),
            (prefix("/v1/{a}"), exact("/v1")),
            (exact("/v1/{a}"), exact("/v1/b/")),
            (exact("/v1/{a}"), prefix("/v1/b")),
        ] {
            assert!(!outer.contains(&inner), "{outer:?} {inner:?}");
        }
    }
}
