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
        let found: Arc<[Place]> = if exact { self.of_path(route, method) } else { self.below(route, method) }.into();
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&found));
        found
    }

    /// The log doesn't have the host, so each host's route is possible.
    fn of_path(&self, path: &str, method: &Method) -> Vec<Place> {
        let found = self.new.everywhere(path, method).into_iter();
        found.map(|found| found.cloned().map_err(|error| code(&error))).collect()
    }

    fn below(&self, prefix: &str, method: &Method) -> Vec<Place> {
        let recorded = Pattern::Prefix(prefix.to_owned());
        let patterns = || self.new.iter().map(|route| &route.pattern);
        let prefixes =
            patterns().filter(|pattern| matches!(pattern, Pattern::Prefix(_)) && pattern.contains(&recorded));
        let base = prefixes.max_by_key(|pattern| pattern.as_written().trim_end_matches('/').len());
        let mut places = match base {
            Some(base) => self.of_pattern(base, method),
            None => vec![Err(Reason::NotFound.code())],
        };
        // A narrower recorded route already took its own requests, and still does.
        let taken = |pattern: &Pattern| {
            let narrower = |old: &&Pattern| recorded.contains(old) && !old.contains(&recorded);
            self.recorded.iter().filter(narrower).any(|old| old.contains(pattern))
        };
        let below = patterns().filter(|pattern| recorded.contains(pattern) && !pattern.contains(&recorded));
        places.extend(below.filter(|pattern| !taken(pattern)).flat_map(|pattern| self.of_pattern(pattern, method)));
        places
    }

    /// The routes of a pattern for a method, one for each host that has it: methods choose within a pattern, and never
    /// fall through.
    fn of_pattern(&self, pattern: &Pattern, method: &Method) -> Vec<Place> {
        let same = |route: &&Arc<Route>| route.pattern.contains(pattern) && pattern.contains(&route.pattern);
        let found: Vec<Place> =
            self.new.iter().filter(same).filter(|route| route.admits_method(method)).cloned().map(Ok).collect();
        if found.is_empty() { vec![Err(Reason::MethodNotAllowed(Vec::new()).code())] } else { found }
    }
}

fn code(error: &RouteError) -> &'static str {
    match error {
        RouteError::Misdirected => Reason::Misdirected.code(),
        RouteError::NotFound => Reason::NotFound.code(),
        RouteError::MethodNotAllowed(_) => Reason::MethodNotAllowed(Vec::new()).code(),
        RouteError::Path(_) | RouteError::Ambiguous { .. } => Reason::Malformed("").code(),
    }
}
