//! The routes that a recorded request could have in another route table.
//!
//! The log has the route's pattern and not the path, so a request of a prefix may belong to any route below it.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use crate::gateway::Reason;
use crate::routing::{Pattern, Route, RouteError, RouteTable};

/// How many results are remembered; a log names as many patterns as its configuration had.
const MAX_REMEMBERED: usize = 4096;

/// A route, or how a request without one is refused.
pub(super) type Place = Result<Arc<Route>, &'static str>;

/// The routes of the new configuration, and those of the recording one, if known.
#[derive(Debug)]
pub(super) struct Places {
    new: RouteTable,
    recorded: Vec<Pattern>,
    known: HashMap<(String, bool, Method), Arc<[Place]>>,
}

impl Places {
    pub(super) fn new(new: RouteTable, recorded: Vec<Pattern>) -> Self {
        Self { new, recorded, known: HashMap::new() }
    }

    /// Every place that a request of this recorded route could have. The first holds for most of its paths.
    pub(super) fn of(&mut self, route: &str, exact: bool, method: &Method) -> Arc<[Place]> {
        let key = (route.to_owned(), exact, method.clone());
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let found: Arc<[Place]> =
            if exact { vec![self.of_path(route, method)] } else { self.below(route, method) }.into();
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&found));
        found
    }

    fn of_path(&self, path: &str, method: &Method) -> Place {
        self.new.find(path, method).cloned().map_err(|error| match error {
            RouteError::NotFound => Reason::NotFound.code(),
            RouteError::MethodNotAllowed(_) => Reason::MethodNotAllowed(Vec::new()).code(),
            RouteError::Path(_) | RouteError::Ambiguous { .. } => Reason::Malformed("").code(),
        })
    }

    fn below(&self, prefix: &str, method: &Method) -> Vec<Place> {
        let recorded = Pattern::Prefix(prefix.to_owned());
        let patterns = || self.new.iter().map(|route| &route.pattern);
        let prefixes =
            patterns().filter(|pattern| matches!(pattern, Pattern::Prefix(_)) && pattern.contains(&recorded));
        let base = prefixes.max_by_key(|pattern| pattern.as_written().trim_end_matches('/').len());
        let mut places = vec![match base {
            Some(base) => self.of_pattern(base, method),
            None => Err(Reason::NotFound.code()),
        }];
        // A narrower recorded route already took its own requests, and still does.
        let taken = |pattern: &Pattern| {
            let narrower = |old: &&Pattern| recorded.contains(old) && !old.contains(&recorded);
            self.recorded.iter().filter(narrower).any(|old| old.contains(pattern))
        };
        let below = patterns().filter(|pattern| recorded.contains(pattern) && !pattern.contains(&recorded));
        places.extend(below.filter(|pattern| !taken(pattern)).map(|pattern| self.of_pattern(pattern, method)));
        places
    }

    /// The route of a pattern for a method: methods choose within a pattern, and never fall through.
    fn of_pattern(&self, pattern: &Pattern, method: &Method) -> Place {
        let same = |route: &&Arc<Route>| route.pattern.contains(pattern) && pattern.contains(&route.pattern);
        let found = self.new.iter().filter(same).find(|route| route.admits_method(method));
        found.cloned().ok_or_else(|| Reason::MethodNotAllowed(Vec::new()).code())
    }
}
