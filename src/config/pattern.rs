//! The paths of a route, from the file to what is used.

use std::collections::{HashMap, HashSet};

use http::Method;

use super::problem::Problems;
use crate::routing::{CanonicalPath, HostPattern, MAX_PARAMETERS, Pattern, Route};

/// The longest name of a parameter.
const MAX_NAME: usize = 32;

pub(super) fn build(
    path: &str,
    exact: Option<String>,
    prefix: Option<String>,
    problems: &mut Problems<'_>,
) -> Option<Pattern> {
    let (field, pattern) = match (exact, prefix) {
        (Some(text), None) => ("path", Pattern::Exact(text)),
        (None, Some(text)) => ("prefix", Pattern::Prefix(text)),
        (Some(_), Some(_)) => {
            problems.add(path, "the route has both `path` and `prefix`", "keep one of them");
            return None;
        }
        (None, None) => {
            problems.add(path, "the route has neither `path` nor `prefix`", "add `prefix: /` or `path: /healthz`");
            return None;
        }
    };
    let field = format!("{path}.{field}");
    let written = pattern.as_written();
    if written.contains(['*', '?']) {
        problems.add(&field, "wildcards are not supported", "write a `prefix`: it matches every path below it");
        return None;
    }
    if written.contains(['{', '}']) {
        if let Some((message, fix)) = of_parameters(&pattern) {
            problems.add(&field, message, fix);
            return None;
        }
        return Some(pattern);
    }
    if let Err(error) = CanonicalPath::parse(written).and_then(CanonicalPath::unambiguous) {
        problems.add(&field, error.to_string(), "write the path as clients request it: `/v1/customers`");
        return None;
    }
    Some(pattern)
}

/// What is wrong with a pattern that has parameters, and what to write.
fn of_parameters(pattern: &Pattern) -> Option<(String, String)> {
    const EXAMPLE: &str = "write a parameter as a whole segment: `/v1/customers/{customer}/`";
    let names: Vec<&str> = pattern.parameters().map(|(name, _)| name).collect();
    if pattern.example("x").contains(['{', '}']) || names.is_empty() {
        return Some(("a brace stands for something else than a whole segment".to_owned(), EXAMPLE.to_owned()));
    }
    let is_name = |name: &str| {
        name.len() <= MAX_NAME
            && name.starts_with(|char: char| char.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if let Some(name) = names.iter().find(|name| !is_name(name)) {
        let message =
            format!("`{{{name}}}` is no parameter: its name is not 1 to {MAX_NAME} small letters, digits and `_`");
        return Some((message, EXAMPLE.to_owned()));
    }
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        let message = format!("two parameters have the name `{name}`");
        return Some((message, "give each parameter its own name".to_owned()));
    }
    if names.len() > MAX_PARAMETERS {
        let message = format!("the pattern has more than {MAX_PARAMETERS} parameters");
        return Some((message, "end the `prefix` earlier: it matches every path below it".to_owned()));
    }
    // Segments are counted from the left, so that no server may read the others as more or fewer.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    let example = pattern.example("x");
    if !example.bytes().all(plain) {
        let message = "a pattern with parameters has other characters than letters, digits, `-`, `_`, `.` and `~`";
        return Some((message.to_owned(), "write the route without parameters, or its segments plainly".to_owned()));
    }
    let error = CanonicalPath::parse(&example).and_then(CanonicalPath::unambiguous).err()?;
    Some((error.rule.to_string(), "write the path as clients request it: `/v1/customers/{customer}/`".to_owned()))
}

/// Routes by what they match, so that none is compared with all others.
#[derive(Debug, Default)]
pub(super) struct Alike {
    groups: HashMap<Group, Taken>,
}

/// Paths and a host: `None` is every host.
type Group = (Shape, Option<HostPattern>);

/// What of a pattern tells whether another one matches the same paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Shape {
    Exact(String),
    Prefix(String),
}

/// What the routes of a group have taken: each the first by its place in the file.
#[derive(Debug, Default)]
struct Taken {
    /// Of all routes.
    any: Option<usize>,
    /// Of those for all methods.
    all: Option<usize>,
    methods: HashMap<Method, usize>,
}

impl Alike {
    /// Adds the route at this place; the place of the first that matches some of the same requests, if there is one.
    pub(super) fn add(&mut self, at: usize, route: &Route) -> Option<usize> {
        let (shape, methods) = (Shape::of(&route.pattern), route.methods.as_deref());
        let hosts = route.hosts.iter().cloned().map(Some).chain(route.is_of_every_host().then_some(None));
        // A host that the route lists twice is none of another route's.
        let groups: HashSet<Group> = hosts.map(|host| (shape.clone(), host)).collect();
        let taken = groups.iter().filter_map(|group| self.groups.get(group)?.by(methods)).min();
        for group in groups {
            self.groups.entry(group).or_default().add(at, methods);
        }
        taken
    }
}

impl Shape {
    fn of(pattern: &Pattern) -> Self {
        let shape = pattern.shape();
        match pattern {
            Pattern::Exact(_) => Self::Exact(shape.into_owned()),
            Pattern::Prefix(_) => Self::Prefix(shape.trim_end_matches('/').to_owned()),
        }
    }
}

impl Taken {
    /// The first route that takes one of these methods; all methods if absent.
    fn by(&self, methods: Option<&[Method]>) -> Option<usize> {
        match methods {
            None => self.any,
            Some(methods) => {
                let head = methods.contains(&Method::GET).then_some(&Method::HEAD);
                let admitted = methods.iter().chain(head).filter_map(|method| self.methods.get(method));
                admitted.chain(&self.all).min().copied()
            }
        }
    }

    fn add(&mut self, at: usize, methods: Option<&[Method]>) {
        self.any.get_or_insert(at);
        match methods {
            None => _ = self.all.get_or_insert(at),
            Some(methods) => {
                for method in methods {
                    self.methods.entry(method.clone()).or_insert(at);
                    // GET includes HEAD.
                    if *method == Method::GET {
                        self.methods.entry(Method::HEAD).or_insert(at);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use mfa_gateway_core::policy::Requirement;

    fn read(routes: &[&str]) -> Result<Config, String> {
        let one = |route: &&str| format!("{{ upstream: api, require: public, {route} }}");
        let routes = routes.iter().map(one).collect::<Vec<_>>().join(", ");
        let text = format!(
            "
listeners: [{{ address: \"127.0.0.1:0\" }}]
upstreams: [{{ name: api, endpoints: [\"http://127.0.0.1:1\"] }}]
routes: [{routes}]
"
        );
        Config::parse("f", &text, HashMap::new()).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_parameter_is_a_whole_segment_with_a_name_of_its_own() {
        for route in ["prefix: \"/v1/{a}/\"", "path: \"/{a}/{b_2}/x.y\"", "path: \"/v1/~x/{a}\""] {
            assert!(read(&[route]).is_ok(), "{route}");
        }
        for (route, told) in [
            ("prefix: \"/v1/x{a}/\"", "whole segment"),
            ("prefix: \"/v1/{a}{b}/\"", "`{a}{b}` is no parameter"),
            ("prefix: \"/v1/{a/\"", "whole segment"),
            ("prefix: \"/v1/{}/\"", "`{}` is no parameter"),
            ("prefix: \"/v1/{A}/\"", "`{A}` is no parameter"),
            ("prefix: \"/v1/{*a}/\"", "wildcards"),
            ("prefix: \"/{a}/{a}/\"", "two parameters have the name `a`"),
            ("prefix: \"/{a}/{b}/{c}/{d}/{e}/\"", "more than 4 parameters"),
            ("prefix: \"/caf%C3%A9/{a}/\"", "other characters"),
            ("prefix: \"/x:y/{a}/\"", "other characters"),
            ("prefix: \"//{a}/\"", "empty segment"),
            ("prefix: \"/../{a}/\"", "read as . or .."),
            ("prefix: \"{a}/\"", "start with a slash"),
            ("prefix: \"/{a}/\", encoded: forward", "parameters"),
            ("prefix: \"/{a}/\", rewrite: /x", "parameters"),
        ] {
            let problems = read(&[route]).unwrap_err();
            assert!(problems.contains(told), "{route}: {problems}");
        }
    }

    #[test]
    fn patterns_that_differ_in_names_alone_collide() {
        let problems = read(&["prefix: \"/v1/{a}/\"", "prefix: \"/v1/{b}\""]).unwrap_err();
        assert!(problems.contains("routes[0] already matches"), "{problems}");
        assert!(read(&["prefix: \"/v1/{a}/\"", "path: \"/v1/{b}\"", "prefix: /v1/b/"]).is_ok());
    }

    #[test]
    fn a_route_finds_the_first_that_takes_some_of_its_requests() {
        let route = |methods: Option<&[Method]>| Route {
            methods: methods.map(<[Method]>::to_vec),
            ..Route::new(Pattern::Exact("/x".to_owned()), Requirement::Public.into())
        };
        let admits = |one: &Route, other: &Route| match &other.methods {
            Some(methods) => one.methods.is_none() || methods.iter().any(|method| one.admits_method(method)),
            None => true,
        };
        let (get, head, post) = (Method::GET, Method::HEAD, Method::POST);
        let lists = [vec![], vec![get.clone()], vec![head.clone()], vec![post.clone()], vec![post, get], vec![head]];
        let routes: Vec<Route> =
            lists.iter().map(|list| route(Some(list.as_slice()))).chain([route(None), route(None)]).collect();
        // Each of them first, and each of them last.
        for turn in 0..routes.len() {
            let mut turned = routes.clone();
            turned.rotate_left(turn);
            let mut alike = Alike::default();
            for (at, route) in turned.iter().enumerate() {
                let before = turned.iter().take(at).position(|one| admits(one, route) || admits(route, one));
                assert_eq!(alike.add(at, route), before, "{:?} at {at}, turned by {turn}", route.methods);
            }
        }
    }
}
