//! Rule boundaries: where the rule of a path differs from that of the paths above it.

use super::encoding::decoded;
use super::route::Route;
use super::spelling::folded_forms;

/// For each route that forwards paths with unusual forms, the first route below it whose rule differs: a server that
/// reads such a path in its own way could cross into it. Both as places in the list.
pub(crate) fn crossed(routes: &[Route]) -> Vec<(usize, usize)> {
    if !routes.iter().any(|route| route.forward_encoded) {
        return Vec::new();
    }
    let stems = |route: &Route| -> Vec<String> {
        let forms = folded_forms(&decoded(route.pattern.as_written()));
        forms.iter().map(|form| [form.trim_end_matches('/'), "/"].concat()).collect()
    };
    let mut placed: Vec<(String, usize)> = routes
        .iter()
        .enumerate()
        .flat_map(|(at, route)| stems(route).into_iter().map(move |stem| (stem, at)))
        .collect();
    placed.sort_unstable();
    let differs = |one: &Route, other: &Route| {
        one.pattern != other.pattern
            && one.shares_host(other)
            && !(one.rule.covers(&other.rule) && other.rule.covers(&one.rule))
    };
    let first_below = |route: &Route| {
        stems(route).iter().find_map(|stem| {
            let from = placed.partition_point(|(other, _)| other < stem);
            let below = placed.iter().skip(from).take_while(|(other, _)| other.starts_with(stem.as_str()));
            below.map(|(_, at)| *at).find(|&at| routes.get(at).is_some_and(|other| differs(route, other)))
        })
    };
    let forwarding = routes.iter().enumerate().filter(|(_, route)| route.forward_encoded);
    forwarding.filter_map(|(at, route)| Some((at, first_below(route)?))).collect()
}
