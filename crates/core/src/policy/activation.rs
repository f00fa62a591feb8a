//! Staged activation: whom an MFA finding is enforced against, and since when.
//!
//! Partner Center enforced MFA "progressively", and callers could not tell why one integration was refused while the
//! next was not. So whom a stage falls on depends on the caller's application alone: the same application always gets
//! the same answer at the same percentage, and a higher percentage only ever adds applications.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::by_conditions::ByConditions;
use super::evidence::Proof;
use crate::clock::Timestamp;

/// Whether MFA findings are enforced. They are the only ones that a mode ever waives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// They are not looked at.
    Off,
    /// They are only reported.
    Report,
    /// They are refused.
    Enforce,
}

impl Mode {
    /// The word for it in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Enforce => "enforce",
        }
    }
}

/// A mode with its stage: enforcement may be for a part of the applications only, and from a date on. Whoever it isn't
/// for yet is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Activation {
    /// The mode.
    pub mode: Mode,
    /// Which part of the applications it is enforced against, in percent.
    pub percentage: u8,
    /// The first moment at which it is enforced.
    pub enforce_from: Option<Timestamp>,
}

impl From<Mode> for Activation {
    fn from(mode: Mode) -> Self {
        Self { mode, percentage: 100, enforce_from: None }
    }
}

impl Activation {
    /// What it comes to for a caller at this moment.
    #[must_use]
    pub fn mode_for(&self, application: Option<&str>, now: Timestamp) -> Mode {
        if self.mode != Mode::Enforce {
            return self.mode;
        }
        let begun = self.enforce_from.is_none_or(|from| now >= from);
        if begun && (self.percentage >= 100 || bucket(application) < u64::from(self.percentage)) {
            Mode::Enforce
        } else {
            Mode::Report
        }
    }

    /// Whether it enforces against everybody against whom `other` does, at every moment.
    #[must_use]
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self.mode, other.mode) {
            (Mode::Enforce, Mode::Enforce) => {
                let earlier = match (self.enforce_from, other.enforce_from) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(own), Some(other)) => own <= other,
                };
                earlier && self.percentage >= other.percentage
            }
            (own, other) => own >= other,
        }
    }
}

/// The place of an application among a hundred. Who doesn't say which one it is comes first, so that hiding the id never
/// helps. Ids are compared without letter case, as Entra's are GUIDs.
fn bucket(application: Option<&str>) -> u64 {
    let Some(id) = application else { return 0 };
    let hash = digest(&SHA256, id.to_ascii_lowercase().as_bytes());
    let head = hash.as_ref().iter().take(8).fold(0_u64, |head, byte| (head << 8) | u64::from(*byte));
    head % 100
}

/// An activation for some callers, in place of their routes' own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The issuer's name; any if absent.
    pub issuer: Option<String>,
    /// The tenant's id, in lower case; any if absent.
    pub tenant: Option<String>,
    /// The application's id, in lower case; any if absent.
    pub application: Option<String>,
    /// What holds for them.
    pub activation: Activation,
}

impl Stage {
    fn conditions(&self) -> [Option<&str>; 3] {
        [self.issuer.as_deref(), self.tenant.as_deref(), self.application.as_deref()]
    }

    fn is_for(&self, proof: &Proof) -> bool {
        let same = |wanted: &Option<String>, seen: Option<&str>| match wanted {
            None => true,
            Some(wanted) => seen.is_some_and(|seen| seen.eq_ignore_ascii_case(wanted)),
        };
        self.issuer.as_ref().is_none_or(|issuer| *issuer == proof.issuer.name)
            && same(&self.tenant, proof.tenant.as_deref())
            && same(&self.application, proof.principal.app().id.as_deref())
    }
}

/// The stages; the first that is for a caller holds. They are found by what they are for: thousands cost a request no more
/// than a few.
#[derive(Clone, Debug, Default)]
pub struct StageSet(Arc<Indexed>);

#[derive(Debug, Default)]
struct Indexed {
    all: Vec<Stage>,
    /// By issuer, tenant and application.
    places: ByConditions<3>,
}

impl StageSet {
    /// Collects stages, in their order.
    #[must_use]
    pub fn new(stages: Vec<Stage>) -> Self {
        let places = ByConditions::new(stages.iter().map(Stage::conditions));
        Self(Arc::new(Indexed { all: stages, places }))
    }

    /// What holds for a caller on a route with this activation.
    #[must_use]
    pub fn activation(&self, of_route: Activation, proof: &Proof) -> Activation {
        let at = |place: usize| self.0.all.get(place);
        let facts = [Some(proof.issuer.name.as_str()), proof.tenant.as_deref(), proof.principal.app().id.as_deref()];
        let found = self.0.places.first(facts, |place| at(place).is_some_and(|stage| stage.is_for(proof)));
        found.and_then(at).map_or(of_route, |stage| stage.activation)
    }

    /// All stages, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Stage> {
        self.0.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn at(percentage: u8) -> Activation {
        Activation { percentage, ..Mode::Enforce.into() }
    }

    #[test]
    fn a_higher_percentage_only_adds_applications() {
        let applications: Vec<String> = (0..1000).map(|at| format!("app-{at}")).collect();
        let mut before = 0;
        for percentage in 0..=100 {
            let enforced = |percentage| {
                applications.iter().filter(move |id| at(percentage).mode_for(Some(id), NOW) == Mode::Enforce)
            };
            let now: Vec<_> = enforced(percentage).collect();
            if percentage > 0 {
                assert!(enforced(percentage - 1).all(|id| now.contains(&id)), "{percentage} %");
            }
            assert!(now.len() >= before);
            before = now.len();
            assert!(
                now.len().abs_diff(usize::from(percentage) * 10) <= 50,
                "{percentage} % enforces against {} of 1000",
                now.len()
            );
        }
    }

    #[test]
    fn an_application_keeps_its_place_in_every_spelling_and_release() {
        // Fixed values: another hash would move callers between refused and admitted.
        for (id, place) in [("23ec45a3-5127-4185-9eff-c8887839e6ab", 94), ("app-1", 55), ("", 52)] {
            assert_eq!(bucket(Some(id)), place, "{id}");
            assert_eq!(bucket(Some(&id.to_ascii_uppercase())), place, "{id}");
        }
        assert_eq!(bucket(None), 0);
        assert_eq!(at(1).mode_for(None, NOW), Mode::Enforce);
        assert_eq!(at(0).mode_for(None, NOW), Mode::Report);
    }

    #[test]
    fn enforcement_begins_at_its_date() {
        let from = Activation { enforce_from: Some(NOW), ..Mode::Enforce.into() };
        assert_eq!(from.mode_for(Some("a"), Timestamp::from_secs(NOW.as_secs() - 1)), Mode::Report);
        assert_eq!(from.mode_for(Some("a"), NOW), Mode::Enforce);
        let off = Activation { enforce_from: Some(NOW), ..Mode::Off.into() };
        assert_eq!(off.mode_for(Some("a"), NOW), Mode::Off);
    }

    #[test]
    fn what_covers_another_enforces_wherever_the_other_does() {
        let dates = [None, Some(NOW), Some(Timestamp::from_secs(NOW.as_secs() + 60))];
        let all: Vec<Activation> = [Mode::Off, Mode::Report, Mode::Enforce]
            .into_iter()
            .flat_map(|mode| {
                [0, 30, 100].into_iter().flat_map(move |percentage| {
                    dates.into_iter().map(move |enforce_from| Activation { mode, percentage, enforce_from })
                })
            })
            .collect();
        let moments = [-1, 0, 59, 60].map(|secs| Timestamp::from_secs(NOW.as_secs() + secs));
        for own in &all {
            for other in all.iter().filter(|other| own.covers(other)) {
                for (id, now) in
                    (0..50).map(|at| format!("app-{at}")).flat_map(|id| moments.map(|now| (id.clone(), now)))
                {
                    assert!(own.mode_for(Some(&id), now) >= other.mode_for(Some(&id), now), "{own:?} {other:?}");
                }
            }
        }
    }
}
