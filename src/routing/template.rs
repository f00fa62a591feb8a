//! Parameters of patterns: `{customer}` stands for any one segment.
//!
//! A pattern with parameters is found in a tree of segments, from left to right: a written segment comes before a
//! parameter, and what goes on comes before what ends. So for one path, one pattern comes first, whatever the order of the
//! file.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// The most parameters of a pattern. A search tries two branches at each.
pub(crate) const MAX_PARAMETERS: usize = 4;

/// A segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'p> {
    /// Exactly this one.
    Written(&'p str),
    /// Any one, under this name.
    Parameter(&'p str),
}

impl Segment<'_> {
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }

    /// Whether some segment matches both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Written(own), Self::Written(other)) => own == other,
            _ => true,
        }
    }

    /// Whether this one matches all that `other` does.
    pub(super) fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Written(own), Self::Written(other)) => own == other,
            (Self::Parameter(_), _) => true,
            (Self::Written(_), Self::Parameter(_)) => false,
        }
    }
}

/// The segments of a pattern, as it is written.
pub(super) fn segments(written: &str) -> impl Iterator<Item = Segment<'_>> {
    written.split('/').filter(|segment| !segment.is_empty()).map(|segment| match parameter(segment) {
        Some(name) => Segment::Parameter(name),
        None => Segment::Written(segment),
    })
}

/// The name of the parameter that a segment of a pattern is.
pub(super) fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The patterns with parameters, with the indices of their routes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    written: HashMap<String, Tree, RandomState>,
    parameter: Option<Box<Tree>>,
    /// What ends here: an exact path, one with a slash at its end, and a prefix.
    exact: Vec<usize>,
    exact_with_slash: Vec<usize>,
    prefix: Vec<usize>,
}

/// Which patterns are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    All,
    Exact,
}

/// The patterns of a path that come first, and the number of segments before their first parameter.
pub(super) type FoundIn<'t> = (&'t [usize], usize);

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.parameter.is_none()
    }

    pub(super) fn insert(&mut self, written: &str, is_exact: bool, at: usize) {
        let end = segments(written).fold(self, |tree, segment| match segment {
            Segment::Written(text) => tree.written.entry(text.to_owned()).or_default(),
            Segment::Parameter(_) => tree.parameter.get_or_insert_default(),
        });
        match (is_exact, written.ends_with('/')) {
            (false, _) => end.prefix.push(at),
            (true, false) => end.exact.push(at),
            (true, true) => end.exact_with_slash.push(at),
        }
    }

    /// The routes of the pattern that comes first for a path.
    pub(super) fn find(&self, path: &str, sought: Sought) -> Option<FoundIn<'_>> {
        self.search(path, sought, 0)
    }

    /// Searches below, with what is left of the path: nothing, or what begins with a slash.
    fn search(&self, rest: &str, sought: Sought, depth: usize) -> Option<FoundIn<'_>> {
        let (segment, below) = match rest.strip_prefix('/') {
            Some(rest) if !rest.is_empty() => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            end => return self.ending(end.is_some(), sought).map(|routes| (routes, depth)),
        };
        let in_written = || self.written.get(segment)?.search(below, sought, depth + 1);
        let in_parameter = || {
            let found = self.parameter.as_ref().filter(|_| !segment.is_empty())?.search(below, sought, depth + 1)?;
            Some((found.0, depth))
        };
        in_written()
            .or_else(in_parameter)
            .or_else(|| (sought == Sought::All && !self.prefix.is_empty()).then_some((&*self.prefix, depth)))
    }

    /// The routes of a pattern that ends where the path does.
    fn ending(&self, with_slash: bool, sought: Sought) -> Option<&[usize]> {
        let exact = if with_slash { &self.exact_with_slash } else { &self.exact };
        let prefix = Some(&self.prefix).filter(|_| sought == Sought::All);
        [Some(exact), prefix].into_iter().flatten().find(|routes| !routes.is_empty()).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(patterns: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for (at, pattern) in patterns.iter().enumerate() {
            let (kind, written) = pattern.split_once(' ').unwrap();
            tree.insert(written, kind == "path", at);
        }
        tree
    }

    #[test]
    fn what_is_written_comes_before_a_parameter_and_what_goes_on_before_what_ends() {
        let patterns = [
            "prefix /v1/{a}/",
            "path /v1/{a}",
            "path /v1/{a}/b/",
            "prefix /v1/{a}/b/{c}",
            "prefix /v1/x/{c}/d",
            "path /{q}/x/y/d",
        ];
        let tree = tree(&patterns);
        for (path, expected) in [
            ("/v1/1", Some((1, 1))),
            ("/v1/1/", Some((0, 1))),
            ("/v1/1/b", Some((0, 1))),
            ("/v1/1/b/", Some((2, 1))),
            ("/v1/1/b/2", Some((3, 1))),
            ("/v1/1/b/2/3/", Some((3, 1))),
            ("/v1/x/y/d/e", Some((4, 2))),
            ("/v1/x/y/e", Some((0, 1))),
            ("/v2/x/y/d", Some((5, 0))),
            ("/v2/x/y/d/", None),
            ("/v1", None),
            ("/v1/", None),
            ("/v1//", None),
            ("/v1//b/", None),
            ("/", None),
            ("", None),
            ("v1/1", None),
        ] {
            let found = tree.find(path, Sought::All).map(|(routes, depth)| (routes[0], depth));
            assert_eq!(found, expected, "{path}");
        }
        assert!(tree.find("/v1/1/", Sought::Exact).is_none());
        assert_eq!(tree.find("/v1/1/b/", Sought::Exact).map(|found| found.0), Some(&[2][..]));
    }
}
