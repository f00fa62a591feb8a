//! What a report is asked for.

use mfa_gateway_store::Wanted;

use super::day::Day;
use super::status::{Span, USUAL};

/// Which days, and which requests of them: those that match everything given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The first day. Default: six days before the last.
    pub(crate) from: Option<Day>,
    /// The last day. Default: today.
    pub(crate) to: Option<Day>,
    /// Of this issuer, by its name in the configuration.
    pub(crate) issuer: Option<String>,
    /// Of this tenant.
    pub(crate) tenant: Option<String>,
    /// Of this application.
    pub(crate) application: Option<String>,
    /// Of this route, by its pattern.
    pub(crate) route: Option<String>,
    /// Of this user, by the id.
    pub(crate) user: Option<String>,
    /// How many users without MFA are listed at most. Default: 10,000.
    pub(crate) most_users: Option<u32>,
}

impl Asked {
    /// The days, if today is this one and earlier ones than that are forgotten.
    pub(super) fn span(&self, today: Day, earliest: Day) -> Span {
        let to = self.to.unwrap_or_else(|| self.from.map_or(today, |from| from.max(today)));
        let from = self.from.unwrap_or(to.minus(USUAL - 1));
        Span { from: from.max(earliest), to }
    }

    /// The same for the store.
    pub(super) fn wanted(&self, span: Span) -> Wanted<'_> {
        Wanted {
            from_day: span.from.number(),
            to_day: span.to.number(),
            issuer: self.issuer.as_deref(),
            tenant: self.tenant.as_deref(),
            application: self.application.as_deref(),
            route: self.route.as_deref(),
            user: self.user.as_deref(),
        }
    }
}
