//! The keepers of a configuration, found by the names of their consents.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use super::keeper::Keeper;

/// The keepers of a configuration, in its order.
#[derive(Debug, Default)]
pub struct Keepers {
    all: Vec<Arc<Keeper>>,
    places: HashMap<String, usize>,
}

impl Keepers {
    /// These keepers.
    #[must_use]
    pub fn new(all: Vec<Arc<Keeper>>) -> Self {
        let places = all.iter().enumerate().map(|(at, keeper)| (keeper.settings().name.clone(), at)).collect();
        Self { all, places }
    }

    /// The keeper of the consent of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Keeper>> {
        self.all.get(*self.places.get(name)?)
    }
}

impl Deref for Keepers {
    type Target = [Arc<Keeper>];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}
