//! What an earlier configuration became, to find again what has the same settings.

use std::collections::HashMap;
use std::sync::Arc;

/// What an earlier configuration became, by name: there may be thousands.
#[derive(Debug)]
pub(super) struct Kept<'b, T>(HashMap<&'b str, Vec<&'b Arc<T>>>);

impl<'b, T> Kept<'b, T> {
    /// All of these, each by its name.
    pub(super) fn of(all: &'b [Arc<T>], name: impl Fn(&'b T) -> &'b str) -> Self {
        let mut kept: HashMap<&str, Vec<&Arc<T>>> = HashMap::new();
        for one in all {
            kept.entry(name(one)).or_default().push(one);
        }
        Self(kept)
    }

    /// The one of this name that is as wanted.
    pub(super) fn find(&self, name: &str, is_wanted: impl Fn(&T) -> bool) -> Option<&'b Arc<T>> {
        self.0.get(name)?.iter().find(|one| is_wanted(one)).copied()
    }
}
