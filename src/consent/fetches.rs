//! The access tokens under way to programs: those who want the same wait for the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::issued::{Issued, TokenError};
use super::memory::Place;

/// How many access tokens of a consent may be under way to a program. More tenants or scopes at once have to wait.
const MAX_WAITING: usize = 100;

/// What a fetch came to.
pub(super) type Landed = Result<Arc<Issued>, TokenError>;

/// What a fetch comes to; nothing while it is under way.
pub(super) type Landing = watch::Receiver<Option<Landed>>;

/// The fetches under way, for each program.
#[derive(Debug, Default)]
pub(super) struct Fetches(Mutex<HashMap<Box<str>, HashMap<Place, Landing>>>);

/// A fetch under way. It is over when this is dropped.
pub(super) struct Fetch {
    fetches: Arc<Fetches>,
    landing: watch::Sender<Option<Landed>>,
    pub(super) caller: Box<str>,
    pub(super) place: Place,
}

impl Fetches {
    /// Joins the fetch that is under way to a program. Without one, it begins with what is returned.
    ///
    /// # Errors
    ///
    /// If too many are under way.
    pub(super) fn join(self: &Arc<Self>, caller: &str, place: Place) -> Result<(Landing, Option<Fetch>), TokenError> {
        let mut fetches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = fetches.entry(caller.into()).or_default();
        if let Some(landing) = own.get(&place) {
            return Ok((landing.clone(), None));
        }
        if own.len() >= MAX_WAITING {
            return Err(TokenError::Busy);
        }
        let (sender, landing) = watch::channel(None);
        own.insert(place.clone(), landing.clone());
        let fetch = Fetch { fetches: Arc::clone(self), landing: sender, caller: caller.into(), place };
        Ok((landing, Some(fetch)))
    }
}

impl Fetch {
    /// Ends it with what came.
    pub(super) fn land(self, landed: Landed) {
        self.landing.send_replace(Some(landed));
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let mut fetches = self.fetches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = fetches.get_mut(&self.caller) {
            own.remove(&self.place);
            if own.is_empty() {
                fetches.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: usize) -> Place {
        (Some(at.to_string().into()), "api".into(), 0)
    }

    #[test]
    fn who_wants_the_same_joins_and_nobody_has_very_many_under_way() {
        let fetches = Arc::new(Fetches::default());
        let mut begun: Vec<_> = (0..MAX_WAITING).map(|at| fetches.join("job", place(at)).unwrap().1.unwrap()).collect();
        let (mut landing, none) = fetches.join("job", place(0)).unwrap();
        assert!(none.is_none() && landing.borrow_and_update().is_none());
        assert!(matches!(fetches.join("job", place(MAX_WAITING)), Err(TokenError::Busy)));
        assert!(fetches.join("other", place(0)).unwrap().1.is_some(), "another program has its own");
        begun.swap_remove(0).land(Err(TokenError::Store));
        assert!(matches!(*landing.borrow(), Some(Err(TokenError::Store))));
        begun.push(fetches.join("job", place(MAX_WAITING)).unwrap().1.unwrap());
        drop(begun);
        assert!(fetches.0.lock().unwrap().is_empty(), "what broke off is over as well");
    }
}
