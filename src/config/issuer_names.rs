//! The issuers by name, for the many sections that refer to them.

use std::collections::HashMap;

use super::Issuer;

/// The issuers by name, each with its places: Entra's have two.
#[derive(Debug)]
pub(super) struct ByName<'i> {
    pub(super) all: &'i [Issuer],
    places: HashMap<&'i str, Vec<usize>>,
}

impl<'i> ByName<'i> {
    pub(super) fn of(all: &'i [Issuer]) -> Self {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, issuer) in all.iter().enumerate() {
            places.entry(&issuer.profile.name).or_default().push(place);
        }
        Self { all, places }
    }

    /// Those of this name, with their places.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = (usize, &'i Issuer)> + Clone {
        let places = self.places.get(name).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|&place| Some((place, self.all.get(place)?)))
    }
}
