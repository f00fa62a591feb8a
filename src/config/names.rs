//! The names that sections of the file refer to.

use std::collections::HashMap;

use super::file;
use super::problem::Problems;
use super::suggest::suggest;

/// The names that a file's sections may refer to.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) issuers: Vec<String>,
    upstreams: Vec<String>,
    rate_limits: Vec<String>,
    consents: HashMap<String, usize>,
    pub(super) roles: Vec<String>,
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
                .map(|one| one.name.clone())
                .collect(),
            upstreams: file.upstreams.iter().map(|one| one.name.clone()).collect(),
            rate_limits: file.rate_limits.iter().map(|one| one.name.clone()).collect(),
            consents: file.consents.iter().enumerate().rev().map(|(at, one)| (one.name.clone(), at)).collect(),
            roles: file.roles.iter().map(|one| one.name.clone()).collect(),
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
        // There may be thousands, each with its callers.
        let place = self.consents.get(name).copied();
        if place.is_none() {
            let known: Vec<&str> = self.consents.keys().map(String::as_str).collect();
            problems.add(path, format!("there is no consent `{name}`"), suggest(name, &known));
        }
        place
    }

    /// The place of a rate limit.
    pub(super) fn rate_limit(&self, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
        place(&self.rate_limits, "rate limit", path, name, problems)
    }

    /// The names of roles.
    pub(super) fn roles(&self) -> &[String] {
        &self.roles
    }
}

/// The place of a name; a problem if it has none.
fn place(names: &[String], what: &str, path: &str, name: &str, problems: &mut Problems<'_>) -> Option<usize> {
    let place = names.iter().position(|known| known == name);
    if place.is_none() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        problems.add(path, format!("there is no {what} `{name}`"), suggest(name, &names));
    }
    place
}
