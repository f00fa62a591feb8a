//! The route table, and how to find a route.

use std::sync::Arc;

use http::Method;

use super::hosts::Hosts;
use super::narrower;
use super::paths::{Paths, RouteError};
use super::route::{Route, RouteId};

/// All routes. The host chooses some of them ([`super::HostPattern`]), then path and method one. The order of routes
/// doesn't matter.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    /// The routes of each host; of all, if no route names hosts.
    paths: Vec<Paths>,
    hosts: Option<Hosts>,
    /// Whether any route has a rule for pages of other origins.
    for_pages: bool,
}

impl RouteTable {
    /// Collects routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        // A route of some hosts takes nothing away from the others.
        let of_all = routes.iter().filter(|route| route.is_of_every_host()).map(|route| &route.pattern);
        let below = narrower::of_each(routes.iter().map(|route| &route.pattern), of_all);
        let placed = routes.into_iter().zip(below).enumerate();
        let placed = placed.map(|(at, (route, narrower))| Arc::new(Route { id: RouteId(at), narrower, ..route }));
        let routes: Vec<_> = placed.collect();
        let (hosts, tables) = match Hosts::of(&routes) {
            Some((hosts, tables)) => (Some(hosts), tables),
            None => (None, vec![routes.clone()]),
        };
        let for_pages = routes.iter().any(|route| route.cors.is_some());
        Self { routes, paths: tables.into_iter().map(Paths::new).collect(), hosts, for_pages }
    }

    /// Whether any route has a rule for pages of other origins.
    pub(crate) fn is_for_pages(&self) -> bool {
        self.for_pages
    }

    /// Finds the route for a request without a host. If routes name hosts, there is none.
    ///
    /// # Errors
    ///
    /// As for [`RouteTable::find_for`].
    pub fn find(&self, path: &str, method: &Method) -> Result<&Arc<Route>, RouteError> {
        self.find_for("", path, method)
    }

    /// Finds the route for a `Host` field, a path and a method.
    ///
    /// # Errors
    ///
    /// If no route names the host, the path has a refused form or is ambiguous, or there is no such route.
    pub fn find_for(&self, host: &str, path: &str, method: &Method) -> Result<&Arc<Route>, RouteError> {
        let Some(hosts) = &self.hosts else { return self.in_table(0, path, method) };
        let (place, is_named) = hosts.find(host).ok_or(RouteError::Misdirected)?;
        match self.in_table(place, path, method) {
            // Routes of every host say nothing of other paths.
            Err(RouteError::NotFound) if !is_named => Err(RouteError::Misdirected),
            found => found,
        }
    }

    fn in_table(&self, place: usize, path: &str, method: &Method) -> Result<&Arc<Route>, RouteError> {
        self.paths.get(place).ok_or(RouteError::NotFound)?.find(path, method)
    }

    /// Whether the host of a request matters.
    #[must_use]
    pub fn names_hosts(&self) -> bool {
        self.hosts.is_some()
    }

    /// The results for a path and method, each once, whatever the host.
    pub(crate) fn everywhere(&self, path: &str, method: &Method) -> Vec<Result<&Arc<Route>, RouteError>> {
        let mut all: Vec<Result<&Arc<Route>, RouteError>> = Vec::new();
        for found in self.paths.iter().map(|paths| paths.find(path, method)) {
            let is_known = |known: &Result<&Arc<Route>, RouteError>| match (known, &found) {
                (Ok(known), Ok(found)) => known.id == found.id,
                (Err(known), Err(found)) => known == found,
                _ => false,
            };
            if !all.iter().any(is_known) {
                all.push(found);
            }
        }
        all
    }

    /// All routes, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }
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
