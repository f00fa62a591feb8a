//! The hosts of a route, and what becomes of its paths on their way to the upstream.

use super::file;
use super::problem::Problems;
use crate::routing::{CanonicalPath, HostPattern, Pattern, Rewrite};

pub(super) fn hosts(path: &str, hosts: Option<file::RouteHosts>, problems: &mut Problems<'_>) -> Vec<HostPattern> {
    let (names, is_list) = match hosts {
        None => return Vec::new(),
        Some(file::RouteHosts::One(name)) => (vec![name], false),
        Some(file::RouteHosts::Several(names)) => (names, true),
    };
    if names.is_empty() {
        let fix = "name a host, or remove `host` to match every host that other routes name";
        problems.add(&format!("{path}.host"), "the list is empty, so the route would never match", fix);
    }
    let mut patterns = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match HostPattern::parse(name) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let field = if is_list { format!("{path}.host[{at}]") } else { format!("{path}.host") };
                let fix = "write `api.example.com`, `\"*.example.com\"`, an IP address, or `\"*\"` for every host";
                problems.add(&field, format!("`{name}`: {error}"), fix);
            }
        }
    }
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}

/// What replaces the first part of the route's paths, if something does.
pub(super) fn rewrite(
    path: &str,
    strip: Option<&str>,
    to: Option<&str>,
    pattern: Option<&Pattern>,
    problems: &mut Problems<'_>,
) -> Option<Box<Rewrite>> {
    let mut check = |field: &str, text: &str| {
        let problem = CanonicalPath::parse(text).and_then(CanonicalPath::unambiguous).err()?;
        problems.add(&format!("{path}.{field}"), problem.to_string(), "write a path: `/v1`");
        Some(())
    };
    let broken =
        [("strip_prefix", strip), ("rewrite", to)].into_iter().filter_map(|(field, text)| check(field, text?)).count();
    let pattern = pattern.filter(|_| broken == 0)?;
    let Some(strip) = strip else {
        if to.is_some() && pattern.has_parameters() {
            let message = "the route's paths have parameters, whose values the upstream would not receive";
            problems.add(
                &format!("{path}.rewrite"),
                message,
                "add the `strip_prefix` before the parameters that it replaces",
            );
            return None;
        }
        return to.map(|to| {
            Box::new(match pattern {
                Pattern::Prefix(prefix) => Rewrite::replace(prefix, to),
                Pattern::Exact(path) => Rewrite::exactly(path, to),
            })
        });
    };
    if !Pattern::Prefix(strip.to_owned()).contains(pattern) || strip == "/" {
        let message = format!("the route's paths don't begin with `{strip}`, by whole segments");
        problems.add(
            &format!("{path}.strip_prefix"),
            message,
            format!("write the `{}` or its first segments", pattern.kind()),
        );
        return None;
    }
    Some(Box::new(to.map_or_else(|| Rewrite::strip(strip), |to| Rewrite::replace(strip, to))))
}
