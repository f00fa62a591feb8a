//! The routes of a host, and how to find one by path and method.

use std::sync::Arc;

use http::Method;

use super::encoding::decoded;
use super::pattern::{Index, LongNames};
use super::readings::{Reading, Step, Steps};
use super::route::Route;
use super::{CanonicalPath, PathError, PathRule, spelling};
use mfa_gateway_core::token::is_guid;

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
    /// No route names the host.
    #[error("no route names the host")]
    Misdirected,
    /// No route matches the path.
    #[error("no route matches the path")]
    NotFound,
    /// The path's routes are for other methods.
    #[error("the path's routes match other methods only")]
    MethodNotAllowed(Vec<Method>),
}

/// The routes of a host. An exact path precedes a prefix, a longer prefix precedes a shorter one; of two that match the
/// same, the first counts.
#[derive(Debug, Default)]
pub(super) struct Paths {
    routes: Vec<Arc<Route>>,
    index: Index,
    /// The same, decoded and folded, in all forms of its letters: for backends that ignore encoding or letter case.
    folded: Index,
    /// The names in each route's pattern, for backends that also accept a short name.
    names: Vec<LongNames>,
    /// Whether no route is stricter than this one, so that a backend's reading of a path doesn't matter; by route.
    strictest: Vec<bool>,
}

impl Paths {
    pub(super) fn new(routes: Vec<Arc<Route>>) -> Self {
        let mut paths = Self { strictest: strictest(&routes), routes, ..Self::default() };
        for (at, route) in paths.routes.iter().enumerate() {
            paths.index.insert(&route.pattern, at, route.pattern.as_written());
            for form in spelling::folded_forms(&decoded(route.pattern.as_written())) {
                paths.folded.insert(&route.pattern, at, &form);
            }
            paths.names.push(LongNames::of(&route.pattern));
        }
        paths
    }

    /// Finds the route for a path and method.
    pub(super) fn find(&self, path: &str, method: &Method) -> Result<&Arc<Route>, RouteError> {
        let path = CanonicalPath::parse(path)?;
        let group = self.index.find(path.as_str()).ok_or(RouteError::NotFound)?;
        let (at, route) = self.of_method(group, method).ok_or_else(|| self.not_allowed(group))?;
        if let Some(form) = path.form.filter(|_| !route.forward_encoded) {
            return Err(form.into());
        }
        check_customer(route, path.as_str())?;
        let is_strictest = self.strictest.get(at).is_some_and(|strictest| *strictest);
        if !is_strictest || path.may_step_up() {
            self.check_readings(route, path, method, is_strictest)?;
        }
        if let Some(rewrite) = &route.rewrite
            && let Some(rest) = rewrite.rest(path.as_str()).filter(|rest| !rest.is_empty())
        {
            check_rest(rest, path.as_str().len() - rest.len())?;
        }
        Ok(route)
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
        let own = Own { route, path: path.as_str() };
        let ambiguous = |(text, steps): (String, Steps)| RouteError::Ambiguous { steps, at: path.differs_at(&text) };
        let Some(readings) = readings else {
            return self.check_folded(own, path.as_str(), Steps::default(), method).map_err(ambiguous);
        };
        for Reading { text, steps } in readings {
            if !self.index.find(&text).is_none_or(|group| self.covers(own, group, &text, method)) {
                return Err(ambiguous((text, steps)));
            }
            self.check_folded(own, &text, steps, method).map_err(ambiguous)?;
        }
        Ok(())
    }

    /// The same for one reading, without regard to letter case, and also if a backend adds or drops a slash at the end.
    fn check_folded(&self, own: Own<'_>, text: &str, steps: Steps, method: &Method) -> Result<(), (String, Steps)> {
        let mut folded = spelling::fold(text);
        if !self.folded.find(&folded).is_none_or(|group| self.covers(own, group, &folded, method)) {
            return Err((folded, steps.and(Step::Case)));
        }
        if folded.contains('~') && self.abbreviates_stricter(own, &folded, method) {
            return Err((folded, steps.and(Step::ShortName)));
        }
        // A prefix matches with and without a slash at the end, but not under an exact path.
        let other = if !folded.ends_with('/') {
            folded.push('/');
            self.folded.find_exact(&folded)
        } else if folded.len() > 1 {
            folded.pop();
            self.folded.find(&folded)
        } else {
            None
        };
        if !other.is_none_or(|group| self.covers(own, group, &folded, method)) {
            return Err((folded, steps.and(Step::Case).and(Step::Slash)));
        }
        Ok(())
    }

    /// Whether a path's own route is at least as strict as those of a group that serve the method, and there are some. A
    /// route of every host doesn't count where one that names the host has the same pattern.
    fn covers(&self, own: Own<'_>, group: &[usize], text: &str, method: &Method) -> bool {
        let admitting = || group.iter().filter_map(|&at| self.routes.get(at)).filter(|one| one.admits_method(method));
        let is_first = |other: &Route| {
            group.len() < 2
                || admitting().find(|one| one.pattern.is_same(&other.pattern)).is_none_or(|one| one.id == other.id)
        };
        admitting().next().is_some() && admitting().all(|other| own.covers(other, text) || !is_first(other))
    }

    /// Whether a folded path may stand for a stricter route's with short names in place of long ones.
    fn abbreviates_stricter(&self, own: Own<'_>, folded: &str, method: &Method) -> bool {
        self.routes.iter().zip(&self.names).any(|(other, names)| {
            names.may_be_abbreviated_as(folded) && !(own.covers(other, folded) && other.admits_method(method))
        })
    }

    fn of_method(&self, group: &[usize], method: &Method) -> Option<(usize, &Arc<Route>)> {
        group.iter().filter_map(|&at| Some((at, self.routes.get(at)?))).find(|(_, route)| route.admits_method(method))
    }

    fn not_allowed(&self, group: &[usize]) -> RouteError {
        let methods = group.iter().filter_map(|&at| self.routes.get(at)?.methods.clone()).flatten();
        let mut allowed: Vec<Method> = methods.collect();
        if allowed.contains(&Method::GET) {
            allowed.push(Method::HEAD);
        }
        allowed.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        allowed.dedup();
        RouteError::MethodNotAllowed(allowed)
    }
}

/// A path's own route.
#[derive(Clone, Copy, Debug)]
struct Own<'o> {
    route: &'o Route,
    path: &'o str,
}

impl Own<'_> {
    /// Whether this route is at least as strict as the one of another reading, and about the same customer.
    fn covers(self, other: &Route, text: &str) -> bool {
        let is_about_same =
            |customer: &str| self.route.customer(self.path).is_some_and(|own| own.eq_ignore_ascii_case(customer));
        self.route.rule.covers(&other.rule)
            && (other.customer_at.is_none() || other.customer(text).is_some_and(is_about_same))
    }
}

/// Checks that the customer whom a path names is named by a tenant's id, as it is written.
fn check_customer(route: &Route, path: &str) -> Result<(), PathError> {
    let Some(place) = route.customer_at else { return Ok(()) };
    if route.customer(path).is_some_and(is_guid) {
        return Ok(());
    }
    let at = path.match_indices('/').nth(place).map_or(path.len(), |(at, _)| at + 1);
    Err(PathError { rule: PathRule::Customer, at })
}

/// For each route, whether its rule covers that of every other, and every route serves all methods.
fn strictest(routes: &[Arc<Route>]) -> Vec<bool> {
    let Some(first) = routes.first() else { return Vec::new() };
    // Some rules are incomparable, and then none is the strictest.
    let top =
        routes.iter().map(|route| &route.rule).fold(&first.rule, |top, rule| if rule.covers(top) { rule } else { top });
    // Routes with one rule may still name different customers.
    if routes.iter().any(|route| route.customer_at.is_some()) {
        return vec![false; routes.len()];
    }
    let is_top = routes.iter().all(|route| route.methods.is_none() && top.covers(&route.rule));
    routes.iter().map(|route| is_top && route.rule.covers(top)).collect()
}

/// Checks the part of a path that is left of it, so that it is a path for every server, and not a host (`//host`).
fn check_rest(rest: &str, from: usize) -> Result<(), PathError> {
    let readings = CanonicalPath::parse(rest)?.readings()?;
    match readings.iter().flatten().find(|reading| reading.text.starts_with("//")) {
        Some(_) => Err(PathError { rule: PathRule::EmptySegment, at: from }),
        None => Ok(()),
    }
}
