//! What becomes of the first part of a path on its way to the upstream.

/// Replaces the first segments of a path. Routes are chosen by the path before; the upstream receives the one after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The first part that is replaced, without a slash at its end.
    from: String,
    /// The part that takes its place: nothing, or a path.
    to: String,
}

impl Rewrite {
    /// Takes a prefix off, by whole segments.
    #[must_use]
    pub fn strip(prefix: &str) -> Self {
        Self::replace(prefix, "/")
    }

    /// Puts one prefix in the place of another.
    #[must_use]
    pub fn replace(prefix: &str, by: &str) -> Self {
        let stem = |path: &str| path.trim_end_matches('/').to_owned();
        Self { from: stem(prefix), to: stem(by) }
    }

    /// Puts one path in the place of another.
    #[must_use]
    pub fn exactly(path: &str, by: &str) -> Self {
        Self { from: path.to_owned(), to: by.to_owned() }
    }

    /// The prefix, if it is only taken off.
    #[must_use]
    pub fn stripped(&self) -> Option<&str> {
        (self.to.is_empty() && !self.from.is_empty()).then_some(&self.from)
    }

    /// The prefix that is replaced.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// What takes its place; `/` if nothing does.
    #[must_use]
    pub fn to(&self) -> &str {
        if self.to.is_empty() { "/" } else { &self.to }
    }

    /// The rest of a path or of a path with its query; `None` if it doesn't begin with the prefix.
    pub(super) fn rest<'t>(&self, target: &'t str) -> Option<&'t str> {
        target.strip_prefix(&*self.from).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// The target that the upstream receives; `None` if it doesn't begin with the prefix.
    #[must_use]
    pub fn apply(&self, target: &str) -> Option<String> {
        let rest = self.rest(target)?;
        let root = if self.to.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        Some([&self.to, root, rest].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forwarded_is_always_a_path() {
        let strip = Rewrite::strip("/api/");
        for (target, forwarded) in [
            ("/api", "/"),
            ("/api/", "/"),
            ("/api?q", "/?q"),
            ("/api/?q", "/?q"),
            ("/api/x/y/?q=/api", "/x/y/?q=/api"),
            ("/api/api/x", "/api/x"),
        ] {
            assert_eq!(strip.apply(target).as_deref(), Some(forwarded), "{target}");
        }
        assert_eq!(strip.apply("/apix"), None);
        let replace = Rewrite::replace("/api", "/internal/v2/");
        for (target, forwarded) in
            [("/api", "/internal/v2"), ("/api/", "/internal/v2/"), ("/api/x?q", "/internal/v2/x?q")]
        {
            assert_eq!(replace.apply(target).as_deref(), Some(forwarded), "{target}");
        }
        assert_eq!(Rewrite::replace("/", "/v2").apply("/x").as_deref(), Some("/v2/x"));
        assert_eq!(Rewrite::replace("/", "/v2").apply("/").as_deref(), Some("/v2/"));
        assert_eq!(Rewrite::exactly("/old/", "/new/").apply("/old/?q").as_deref(), Some("/new/?q"));
        assert_eq!((strip.stripped(), replace.stripped()), (Some("/api"), None));
    }
}
