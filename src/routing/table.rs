//! The route table, and how to find a route.

use std::sync::Arc;

use http::Method;

use super::encoding::decoded;
use super::pattern::{Index, LongNames};
use super::readings::{Reading, Step, Steps};
use super::route::{Route, RouteId};
use super::{CanonicalPath, PathError, spelling};

/// The reason that no route is found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The path has a refused form.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Another reading of the path leads to a stricter route.
    #[error("a server might read the path as one of a stricter route: {steps}, from byte {} on", at + 1)]
    Ambiguous {
        /// The steps that lead to the reading.
        steps: Steps,
        /// The byte where it begins to differ.
        at: usize,
    },
    /// No route matches the path.
    #[error("no route matches the path")]
    NotFound,
    /// The path's routes are for other methods.
    #[error("the path's routes match other methods only")]
    MethodNotAllowed(Vec<Method>),
}

/// All routes. An exact path precedes a prefix, a longer prefix precedes a shorter one; the order of routes doesn't
/// matter.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    index: Index,
    /// The same, decoded and folded, in all forms of its letters: for backends that ignore encoding or letter case.
    folded: Index,
    /// The names in each route's pattern, for backends that also accept a short name.
    names: Vec<LongNames>,
    /// Whether no route is stricter than this one, so that a backend's reading of a path doesn't matter; by route.
    strictest: Vec<bool>,
}

impl RouteTable {
    /// Collects routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let placed = routes.into_iter().enumerate().map(|(at, route)| Arc::new(Route { id: RouteId(at), ..route }));
        let mut table = Self { routes: placed.collect(), ..Self::default() };
        for (at, route) in table.routes.iter().enumerate() {
            table.index.insert(&route.pattern, at, route.pattern.as_written());
            for form in spelling::folded_forms(&decoded(route.pattern.as_written())) {
                table.folded.insert(&route.pattern, at, &form);
            }
            table.names.push(LongNames::of(&route.pattern));
        }
        table.strictest = strictest(&table.routes);
        table
    }

    /// Finds the route for a path and method.
    ///
    /// # Errors
    ///
    /// If the path has a refused form or is ambiguous, or there is no such route.
    pub fn find(&self, path: &str, method: &Method) -> Result<&Arc<Route>, RouteError> {
        let path = CanonicalPath::parse(path)?;
        let group = self.index.find(path.as_str()).ok_or(RouteError::NotFound)?;
        let route = self.of_method(group, method).ok_or_else(|| self.not_allowed(group))?;
        if let Some(form) = path.form.filter(|_| !route.forward_encoded) {
            return Err(form.into());
        }
        let is_strictest = self.strictest.get(route.id.0).is_some_and(|strictest| *strictest);
        if !is_strictest || path.may_step_up() {
            self.check_readings(route, path, method, is_strictest)?;
        }
        Ok(route)
    }

    /// All routes, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    /// Checks that `route` is at least as strict as the route of every other reading of the path.
    fn check_readings(
        &self,
        route: &Route,
        path: CanonicalPath<'_>,
        method: &Method,
        is_strictest: bool,
    ) -> Result<(), RouteError> {
        let readings = path.readings()?;
        if is_strictest {
            return Ok(());
        }
        let ambiguous = |(text, steps): (String, Steps)| RouteError::Ambiguous { steps, at: path.differs_at(&text) };
        let Some(readings) = readings else {
            return self.check_folded(route, path.as_str(), Steps::default(), method).map_err(ambiguous);
        };
        for Reading { text, steps } in readings {
            if !self.index.find(&text).is_none_or(|group| self.covers(route, group, method)) {
                return Err(ambiguous((text, steps)));
            }
            self.check_folded(route, &text, steps, method).map_err(ambiguous)?;
        }
        Ok(())
    }

    /// The same for one reading, without regard to letter case, and also if a backend adds or drops a slash at the end.
    fn check_folded(&self, route: &Route, text: &str, steps: Steps, method: &Method) -> Result<(), (String, Steps)> {
        let mut folded = spelling::fold(text);
        if !self.folded.find(&folded).is_none_or(|group| self.covers(route, group, method)) {
            return Err((folded, steps.and(Step::Case)));
        }
        if folded.contains('~') && self.abbreviates_stricter(route, &folded, method) {
            return Err((folded, steps.and(Step::ShortName)));
        }
        // A prefix matches with and without a slash at the end, but not under an exact path.
        let other = if !folded.ends_with('/') {
            folded.push('/');
            self.folded.exact.get(&folded).map(Vec::as_slice)
        } else if folded.len() > 1 {
            folded.pop();
            self.folded.find(&folded)
        } else {
            None
        };
        if !other.is_none_or(|group| self.covers(route, group, method)) {
            return Err((folded, steps.and(Step::Case).and(Step::Slash)));
        }
        Ok(())
    }

    /// Whether `route` is at least as strict as those of a group that serve the method, and there are some.
    fn covers(&self, route: &Route, group: &[usize], method: &Method) -> bool {
        let mut admitting = group.iter().map(|&at| &self.routes[at]).filter(|one| one.admits_method(method));
        admitting.clone().next().is_some() && admitting.all(|other| route.rule.covers(&other.rule))
    }

    /// Whether a folded path may stand for a stricter route's with short names in place of long ones.
    fn abbreviates_stricter(&self, route: &Route, folded: &str, method: &Method) -> bool {
        self.routes.iter().zip(&self.names).any(|(other, names)| {
            names.may_be_abbreviated_as(folded) && !(route.rule.covers(&other.rule) && other.admits_method(method))
        })
    }

    fn of_method(&self, group: &[usize], method: &Method) -> Option<&Arc<Route>> {
        group.iter().map(|&at| &self.routes[at]).find(|route| route.admits_method(method))
    }

    fn not_allowed(&self, group: &[usize]) -> RouteError {
        let methods = group.iter().filter_map(|&at| self.routes[at].methods.clone()).flatten();
        let mut allowed: Vec<Method> = methods.collect();
        if allowed.contains(&Method::GET) {
            allowed.push(Method::HEAD);
        }
        allowed.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        allowed.dedup();
        RouteError::MethodNotAllowed(allowed)
    }
}

/// For each route, whether its rule covers that of every other, and every route serves all methods.
fn strictest(routes: &[Arc<Route>]) -> Vec<bool> {
    let Some(first) = routes.first() else { return Vec::new() };
    // Some rules are incomparable, and then none is the strictest.
    let top =
        routes.iter().map(|route| &route.rule).fold(&first.rule, |top, rule| if rule.covers(top) { rule } else { top });
    let is_top = routes.iter().all(|route| route.methods.is_none() && top.covers(&route.rule));
    routes.iter().map(|route| is_top && route.rule.covers(top)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Pattern;
    use mfa_gateway_core::policy::Requirement;

    fn route(pattern: Pattern, requirement: Requirement) -> Route {
        Route::new(pattern, requirement.into())
    }

    fn exact(path: &str, requirement: Requirement) -> Route {
        route(Pattern::Exact(path.to_owned()), requirement)
    }

    fn prefix(path: &str, requirement: Requirement) -> Route {
        route(Pattern::Prefix(path.to_owned()), requirement)
    }

    const MFA: Requirement = Requirement::Mfa { max_age: None };

    fn found(table: &RouteTable, path: &str) -> Result<String, RouteError> {
        table.find(path, &Method::GET).map(|route| route.pattern.as_written().to_owned())
    }

    #[test]
    fn the_most_specific_pattern_wins_and_prefixes_match_whole_segments() {
        let table = RouteTable::new(vec![prefix("/v1/", MFA), prefix("/v1/a/", MFA), exact("/v1/a/b", MFA)]);
        for (path, pattern) in [
            ("/v1", "/v1/"),
            ("/v1/", "/v1/"),
            ("/v1/x", "/v1/"),
            ("/v1/a", "/v1/a/"),
            ("/v1/ab", "/v1/"),
            ("/v1/a/b", "/v1/a/b"),
            ("/v1/a/b/c", "/v1/a/"),
        ] {
            assert_eq!(found(&table, path).as_deref(), Ok(pattern), "{path}");
        }
        for path in ["/", "/v10", "/v", "/V1/x"] {
            assert_eq!(found(&table, path), Err(RouteError::NotFound), "{path}");
        }
    }

    #[test]
    fn the_root_prefix_matches_everything() {
        let table = RouteTable::new(vec![prefix("/", MFA)]);
        assert!(found(&table, "/").is_ok());
        assert!(found(&table, "/a/b/").is_ok());
    }

    #[test]
    fn no_reading_of_a_path_leads_around_a_stricter_route() {
        let table = RouteTable::new(vec![
            prefix("/", Requirement::Public),
            prefix("/Admin/", MFA),
            exact("/v1/caf%C3%A9", MFA),
            exact("/secret", MFA),
            prefix("/v1/administration/", MFA),
        ]);
        for path in [
            "/v1/cafe%CC%81",
            "/v1/cafe",
            "/v1/CAFE%CC%81",
            "/%F0%9D%94%B8dmin/x",
            "/%CE%B1dmin/x",
            "/a%CE%B4min/x",
            "/Admin%E2%88%B6x/y",
            "/admin%D6%89x",
            "/v1/ADMINI%E2%88%BC1/x",
            "/%C3%A0dmin",
            "/Admin%C2%B4",
            "/secret+",
            "/+Admin",
            "/secret/:x/",
        ] {
            assert!(
                matches!(found(&table, path), Err(RouteError::Ambiguous { .. })),
                "{path}: {:?}",
                found(&table, path)
            );
        }
        for path in
            ["/v1/ADMINI~1", "/v1/ad1b3f~1/x", "/v1/admini%7E2/x", "/secret~1", "/Admin::$DATA", "/v1/ADMINI~1."]
        {
            assert!(
                matches!(found(&table, path), Err(RouteError::Ambiguous { .. })),
                "{path}: {:?}",
                found(&table, path)
            );
        }
        for path in ["/~1", "/v1/x~1", "/v1/~jane", "/v1/%C3%A9t%C3%A9", "/a+b", "/%E5%AE%A2%E6%88%B7"] {
            assert_eq!(found(&table, path).as_deref(), Ok("/"), "{path}");
        }
        for path in ["/v1/c%61f%C3%A9", "/v1/caf%c3%a9", "/v1/CAF%C3%89", "/v1/caf%C3%A9%20", "/%c5%bfecret"] {
            assert!(
                matches!(found(&table, path), Err(RouteError::Ambiguous { .. })),
                "{path}: {:?}",
                found(&table, path)
            );
        }
        for path in ["/admin/x", "/ADMIN", "/%41dmin/x", "/Admin./x", "/admin%20/x", "/secret/", "/SECRET", "/secret."]
        {
            assert!(
                matches!(found(&table, path), Err(RouteError::Ambiguous { .. })),
                "{path}: {:?}",
                found(&table, path)
            );
        }
        assert_eq!(found(&table, "/Admin/x").as_deref(), Ok("/Admin/"));
        assert_eq!(found(&table, "/other").as_deref(), Ok("/"));
    }

    #[test]
    fn a_slash_at_the_end_leads_around_no_stricter_route_either() {
        let table = RouteTable::new(vec![
            prefix("/", Requirement::Public),
            prefix("/v1/", MFA),
            exact("/v1/open", Requirement::Public),
            exact("/v1/lists/", Requirement::Public),
            exact("/secret/", MFA),
        ]);
        for path in ["/V1/open/", "/V1/lists", "/secret", "/SECRET", "/v%31/open/"] {
            assert!(
                matches!(found(&table, path), Err(RouteError::Ambiguous { .. })),
                "{path}: {:?}",
                found(&table, path)
            );
        }
        for (path, pattern) in [("/v1/open", "/v1/open"), ("/v1/open/", "/v1/"), ("/v1/lists", "/v1/")] {
            assert_eq!(found(&table, path).as_deref(), Ok(pattern), "{path}");
        }
    }

    #[test]
    fn a_stricter_route_may_be_read_as_a_laxer_one() {
        let table = RouteTable::new(vec![prefix("/", MFA), exact("/healthz", Requirement::Public)]);
        assert_eq!(found(&table, "/healthz").as_deref(), Ok("/healthz"));
        assert_eq!(found(&table, "/HEALTHZ").as_deref(), Ok("/"));
        assert_eq!(found(&table, "/healthz/").as_deref(), Ok("/"));
    }

    #[test]
    fn methods_choose_within_a_pattern_and_never_fall_through() {
        let mut read = prefix("/v1/", Requirement::Public);
        read.methods = Some(vec![Method::GET]);
        let mut write = prefix("/v1/", MFA);
        write.methods = Some(vec![Method::POST]);
        let table = RouteTable::new(vec![prefix("/", Requirement::Public), read, write]);
        let requirement = |method| table.find("/v1/x", &method).map(|route| route.rule.requirement);
        assert_eq!(requirement(Method::GET), Ok(Requirement::Public));
        assert_eq!(requirement(Method::HEAD), Ok(Requirement::Public));
        assert_eq!(requirement(Method::POST), Ok(MFA));
        let allowed = vec![Method::GET, Method::HEAD, Method::POST];
        assert_eq!(requirement(Method::DELETE), Err(RouteError::MethodNotAllowed(allowed)));
    }
}
