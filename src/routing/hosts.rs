//! The routes of each host.
//!
//! A host has one table of routes: those that name it, else those of the longest suffix that matches it, else those of
//! any host (`*`). Routes that name no host are in the table of every host that some other route names.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::host::{HostPattern, canonical_host};
use super::route::Route;

/// Which table of routes a host has.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: HashMap<String, usize, RandomState>,
    below: HashMap<String, usize, RandomState>,
    any: Option<usize>,
}

impl Hosts {
    /// The tables of routes, by host; `None` if no route names one.
    pub(super) fn of(routes: &[Arc<Route>]) -> Option<(Self, Vec<Vec<Arc<Route>>>)> {
        let mut hosts = Self::default();
        let mut tables: Vec<Vec<Arc<Route>>> = Vec::new();
        for route in routes {
            for pattern in &route.hosts {
                let place = hosts.place(pattern, tables.len());
                if place == tables.len() {
                    tables.push(Vec::new());
                }
                // The same host twice changes nothing.
                if let Some(table) =
                    tables.get_mut(place).filter(|table| table.last().is_none_or(|last| last.id != route.id))
                {
                    table.push(Arc::clone(route));
                }
            }
        }
        // Routes of every host alone leave nothing to choose.
        if hosts.exact.is_empty() && hosts.below.is_empty() {
            return None;
        }
        let everywhere: Vec<_> = routes.iter().filter(|route| route.is_of_every_host()).collect();
        // Behind those that name the host, which come first where both match a path.
        for (_, table) in tables.iter_mut().enumerate().filter(|(place, _)| hosts.any != Some(*place)) {
            let named: Vec<_> = table.iter().map(|route| route.id).collect();
            let more = everywhere.iter().filter(|route| !named.contains(&route.id));
            table.extend(more.map(|route| Arc::clone(route)));
        }
        Some((hosts, tables))
    }

    /// The place of a pattern's table; `next` if it is new.
    fn place(&mut self, pattern: &HostPattern, next: usize) -> usize {
        match pattern {
            HostPattern::Any => *self.any.get_or_insert(next),
            HostPattern::Exact(name) => *self.exact.entry(name.clone()).or_insert(next),
            HostPattern::Below(name) => *self.below.entry(name.clone()).or_insert(next),
        }
    }

    /// The table of a `Host` field, and whether a route names the host.
    pub(super) fn find(&self, field: &str) -> Option<(usize, bool)> {
        let host = canonical_host(field);
        let below = || host.match_indices('.').find_map(|(dot, _)| self.below.get(host.get(dot + 1..)?));
        let named = self.exact.get(&*host).or_else(|| if host.starts_with('[') { None } else { below() });
        named.map(|place| (*place, true)).or(self.any.map(|place| (place, false)))
    }
}
