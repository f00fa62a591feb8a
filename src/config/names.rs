//! The names that sections of the file refer to.

use std::cell::Cell;
use std::collections::HashMap;

use super::file;
use super::problem::Problems;
use super::suggest::{one_of, suggest};

/// How many names of a list are compared with unknown ones. Of thousands of names, as many may be wrong at once.
const MOST_COMPARED: usize = 300_000;

/// The names that a file's sections may refer to.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) issuers: List,
    upstreams: List,
    rate_limits: List,
    consents: List,
    pub(super) roles: List,
}

/// Names in the order of the file. There may be thousands, each looked up by as many.
#[derive(Debug, Default)]
pub(super) struct List {
    names: Vec<String>,
    places: HashMap<String, usize>,
    compared: Cell<usize>,
}

impl<'n> FromIterator<&'n str> for List {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut list = Self::default();
        for name in names {
            list.places.entry(name.to_owned()).or_insert(list.names.len());
            list.names.push(name.to_owned());
        }
        list
    }
}

impl List {
    /// The place of the first with this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What may have been meant by a name that isn't here.
    pub(super) fn suggest(&self, name: &str) -> String {
        let names: Vec<&str> = self.iter().collect();
        let compared = self.compared.get() + names.len();
        if compared > MOST_COMPARED {
            return one_of(&names);
        }
        self.compared.set(compared);
        suggest(name, &names)
    }
}

impl Names {
    pub(super) fn of(file: &file::File) -> Self {
        let transmitters = file.security_events.iter().flat_map(|events| &events.transmitters);
        Self {
            issuers: file
                .issuers
                .iter()
                .chain(file.sign_in.iter().filter_map(file::SignIn::own_issuer))
                .chain(transmitters.filter_map(file::Transmitter::own_issuer))
                .map(|one| one.name.as_str())
                .collect(),
            upstreams: file.upstreams.iter().map(|one| one.name.as_str()).collect(),
            rate_limits: file.rate_limits.iter().map(|one| one.name.as_str()).collect(),
            consents: file.consents.iter().map(|one| one.name.as_str()).collect(),
            roles: file.roles.iter().map(|one| one.name.as_str()).collect(),
        }
    }

    /// The place of an upstream.
    pub(super) fn upstream(&self, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
        // That there is none is a problem of its own.
        if self.upstreams.is_empty() {
            return None;
        }
        place(&self.upstreams, "upstream", path, name, problems)
    }

    /// The place of a consent.
    pub(super) fn consent(&self, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
        place(&self.consents, "consent", path, name, problems)
    }

    /// The place of a rate limit.
    pub(super) fn rate_limit(&self, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
        place(&self.rate_limits, "rate limit", path, name, problems)
    }
}

/// The place of a name; a problem if it has none.
fn place(names: &List, what: &str, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
    let place = names.place(name);
    if place.is_none() {
        problems.add(path, format!("there is no {what} `{name}`"), names.suggest(name));
    }
    place
}
