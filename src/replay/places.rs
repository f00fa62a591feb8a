//! The routes that a recorded request could have in another route table.
//!
//! The log has the route's pattern and not the path, so a request of a prefix may belong to any route below it.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use super::why::Why;
use crate::gateway::Reason;
use crate::routing::{self, Pattern, Route, RouteError, RouteTable};

/// How many results are remembered; a log names as many patterns as its configuration had.
const MAX_REMEMBERED: usize = 4096;

/// What stands for the value of a parameter: a tenant's id, so that it may name a customer.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// A route, or how a request without one is refused.
pub(super) type Place = Result<Arc<Route>, &'static str>;

/// The routes of the new configuration, and those of the recording one, if known.
#[derive(Debug)]
pub(super) struct Places {
    new: RouteTable,
    recorded: Option<RouteTable>,
    known: HashMap<Asked, Arc<Possible>>,
}

/// The recorded route, whether it is exact, the method, and the routes below it.
type Asked = (String, bool, Method, Option<Vec<String>>);

/// Every place that a request could have.
#[derive(Debug)]
pub(super) struct Possible {
    /// The first holds for most of the route's paths.
    pub(super) all: Vec<Place>,
    /// Why there are several.
    pub(super) why: Why,
}

impl Places {
    pub(super) fn new(new: RouteTable, recorded: Option<RouteTable>) -> Self {
        Self { new, recorded, known: HashMap::new() }
    }

    /// Every place that a request of this recorded route could have. `narrower` is what its line says of the routes below
    /// the recorded one.
    pub(super) fn of(
        &mut self,
        route: &str,
        exact: bool,
        method: &Method,
        narrower: Option<&[String]>,
    ) -> Arc<Possible> {
        let key = (route.to_owned(), exact, method.clone(), narrower.map(<[String]>::to_vec));
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let found = Arc::new(if exact {
            Possible { all: self.of_path(route, method), why: Why::RoutesDiffer }
        } else {
            self.below(route, method, narrower)
        });
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, Arc::clone(&found));
        found
    }

    /// The log doesn't have the host, so each host's route is possible.
    fn of_path(&self, path: &str, method: &Method) -> Vec<Place> {
        // The log doesn't have the values of parameters either.
        let example = Pattern::Exact(path.to_owned()).example(NOBODY);
        let found = self.new.everywhere(&example, method).into_iter();
        found.map(|found| found.cloned().map_err(|error| code(&error))).collect()
    }

    fn below(&self, prefix: &str, method: &Method, narrower: Option<&[String]>) -> Possible {
        let recorded = Pattern::Prefix(prefix.to_owned());
        let patterns = || self.new.iter().map(|route| &route.pattern);
        let prefixes =
            patterns().filter(|pattern| matches!(pattern, Pattern::Prefix(_)) && pattern.contains(&recorded));
        let base = prefixes.max_by_key(|pattern| pattern.rank());
        let mut places = match base {
            Some(base) => self.of_pattern(base, method),
            None => vec![Err(Reason::NotFound.code())],
        };
        let (narrower, why) = self.narrower(&recorded, narrower);
        // A narrower recorded route already took its own requests, and still does.
        let taken = |pattern: &Pattern| narrower.iter().any(|old| old.contains(pattern));
        let below = patterns().filter(|pattern| routing::takes_from(pattern, &recorded));
        places.extend(below.filter(|pattern| !taken(pattern)).flat_map(|pattern| self.of_pattern(pattern, method)));
        Possible { all: places, why }
    }

    /// The routes that were below the recorded one: as the line names them, or by their digest those of a configuration
    /// at hand, or those of the recording configuration.
    fn narrower(&self, recorded: &Pattern, line: Option<&[String]>) -> (Vec<Pattern>, Why) {
        let named = line.map(|texts| texts.iter().map(|text| routing::named(text)).collect::<Option<Vec<_>>>());
        if let Some(Some(named)) = named {
            return (named, Why::RoutesDiffer);
        }
        let by_digest = |table: &&RouteTable| {
            let own = table.iter().find(|route| route.pattern == *recorded);
            line.is_some_and(|line| own.is_some_and(|route| *route.narrower == *line))
        };
        let tables = || self.recorded.iter().chain([&self.new]);
        match tables().find(by_digest).or(self.recorded.as_ref()) {
            Some(table) => (below(table, recorded), Why::RoutesDiffer),
            None if line.is_some() => (Vec::new(), Why::ManyRoutes),
            None => (Vec::new(), Why::RoutesUnknown),
        }
    }

    /// The routes of a pattern for a method, one for each host that has it: methods choose within a pattern, and never
    /// fall through.
    fn of_pattern(&self, pattern: &Pattern, method: &Method) -> Vec<Place> {
        let same = |route: &&Arc<Route>| route.pattern.is_same(pattern);
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

/// The patterns of a table that are below this one.
fn below(table: &RouteTable, pattern: &Pattern) -> Vec<Pattern> {
    let narrower = |other: &&Pattern| routing::takes_from(other, pattern);
    // A route of some hosts takes nothing away from the others.
    let of_all = table.iter().filter(|route| route.is_of_every_host());
    of_all.map(|route| &route.pattern).filter(narrower).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_gateway_core::policy::Requirement;

    #[test]
    fn a_digest_stands_for_the_routes_of_a_configuration_that_has_them() {
        let table = |count: usize, more: &str| {
            let paths = (0..count).map(|at| format!("/{at}")).chain([more.to_owned()]);
            let exact = |path| Route::new(Pattern::Exact(path), Requirement::Mfa { max_age: None }.into());
            let root = Route::new(Pattern::Prefix("/".to_owned()), Requirement::Public.into());
            RouteTable::new(paths.map(exact).chain([root]).collect())
        };
        let digest = |table: &RouteTable| table.iter().last().unwrap().narrower.to_vec();
        let possible = |new: RouteTable, recorded: Option<RouteTable>, line: &[String]| {
            let possible = Places::new(new, recorded).of("/", false, &Method::GET, Some(line));
            (possible.all.len(), possible.why)
        };
        let line = digest(&table(100, "/a"));
        assert_eq!(line.len(), 1);
        assert_eq!(possible(table(100, "/a"), None, &line), (1, Why::RoutesDiffer), "the same routes");
        assert_eq!(possible(table(100, "/b"), None, &line), (102, Why::ManyRoutes), "others");
        assert_eq!(possible(table(100, "/b"), Some(table(100, "/a")), &line), (2, Why::RoutesDiffer), "one of them");
    }
}
