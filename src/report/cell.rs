//! Decisions that are alike, counted together.

use std::hash::{Hash, Hasher};

use mfa_gateway_core::policy::UserKind;

use super::counted::Outcome;
use super::day::Day;

/// What decisions are told apart by, borrowed from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alike<'a> {
    pub(super) day: Day,
    pub(super) portal: bool,
    pub(super) outcome: Outcome,
    pub(super) issuer: &'a str,
    pub(super) tenant: &'a str,
    pub(super) application: &'a str,
    /// The user's id; none for an application alone.
    pub(super) user: Option<&'a str>,
    pub(super) route: &'a str,
    pub(super) exception: &'a str,
}

/// Decisions that are alike.
#[derive(Debug)]
pub(super) struct Cell {
    /// The hash of what they are told apart by.
    pub(super) hash: u64,
    pub(super) day: Day,
    pub(super) portal: bool,
    pub(super) outcome: Outcome,
    pub(super) issuer: Box<str>,
    pub(super) tenant: Box<str>,
    pub(super) application: Box<str>,
    pub(super) user: Option<Box<str>>,
    pub(super) route: Box<str>,
    pub(super) exception: Box<str>,
    /// The user's name for people.
    pub(super) name: Option<Box<str>>,
    /// What the user is.
    pub(super) kind: UserKind,
    pub(super) count: u64,
    /// The time of the last one, in milliseconds.
    pub(super) last: i64,
}

impl Alike<'_> {
    /// The same, but for what there is no room for: it still counts for its day and its kind of credential.
    pub(super) fn nameless(self) -> Self {
        let Self { day, portal, outcome, .. } = self;
        Alike { day, portal, outcome, issuer: "", tenant: "", application: "", user: None, route: "", exception: "" }
    }

    /// A cell for them, without any.
    pub(super) fn cell(self, hash: u64, name: Option<&str>, kind: UserKind) -> Cell {
        let Self { day, portal, outcome, issuer, tenant, application, user, route, exception } = self;
        let [issuer, tenant, application, route, exception] =
            [issuer, tenant, application, route, exception].map(Box::from);
        let (user, name) = (user.map(Box::from), name.map(Box::from));
        Cell {
            hash,
            day,
            portal,
            outcome,
            issuer,
            tenant,
            application,
            user,
            route,
            exception,
            name,
            kind,
            count: 0,
            last: 0,
        }
    }

    pub(super) fn is_of(&self, cell: &Cell) -> bool {
        // What differs most often comes first.
        self.user == cell.user.as_deref()
            && self.route == &*cell.route
            && self.application == &*cell.application
            && self.outcome == cell.outcome
            && self.day == cell.day
            && self.portal == cell.portal
            && self.tenant == &*cell.tenant
            && self.issuer == &*cell.issuer
            && self.exception == &*cell.exception
    }
}

impl Hash for Alike<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i64(self.day.number());
        state.write_u16(u16::from(self.portal) << 8 | u16::from(self.outcome as u8));
        for text in [self.user.unwrap_or_default(), self.tenant, self.application, self.route, self.issuer] {
            state.write(text.as_bytes());
        }
        state.write(self.exception.as_bytes());
    }
}
