//! How a vendor's application calls for a partner, from what the status report counted.

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_store::{StoreError, VendorPurge};
use schemars::JsonSchema;
use serde::Serialize;

use super::settings::{PartnerSettings, VendorSettings};
use crate::report::{Asked, Day, Reader, Share, StatusReport};

/// How many users without MFA a proof looks at.
const MOST_USERS: u32 = 1000;

/// Calls of a vendor's application in a partner's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct Calls {
    /// Requests of users with MFA.
    pub(crate) with_mfa: u64,
    /// Requests of users without MFA, as with a stored password.
    pub(crate) without_mfa: u64,
    /// Requests without a user. A vendor may not make any in a partner's name.
    pub(crate) app_only: u64,
}

/// How a vendor's application called for a partner lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct Lately {
    /// In the last 7 days, today included.
    pub(crate) days7: Calls,
    /// In the last 30 days, as far as the report keeps them.
    pub(crate) days30: Calls,
    /// What that comes to: `none` without a call, `app_only` or `password` if it still calls so, else `mfa`.
    #[schemars(extend("enum" = ["none", "mfa", "password", "app_only"]))]
    pub(crate) manner: &'static str,
}

/// Somebody's statement that a partner's stored credentials are gone, and what the gateway has seen since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct Purge {
    /// When it was stated (RFC 3339).
    pub(crate) at: String,
    /// By whom.
    pub(crate) by: String,
    /// How it is proven, in that person's words.
    pub(crate) how: String,
    /// The requests on all days after that one, as far as the report keeps them; `null` without a report.
    pub(crate) since: Option<Calls>,
    /// When a user without MFA was last seen; `null` if none was since the statement.
    pub(crate) last_without_mfa: Option<String>,
    /// What that comes to: `proven` if there are requests, all with MFA; `open` without one; `contradicted` if some have none;
    /// `stated` without a report.
    #[schemars(extend("enum" = ["proven", "open", "contradicted", "stated"]))]
    pub(crate) standing: &'static str,
}

impl Calls {
    fn add(&mut self, shares: [&Share; 2], app_only: u64) {
        for share in shares {
            self.with_mfa += share.with_mfa;
            self.without_mfa += share.requests.saturating_sub(share.with_mfa);
        }
        self.app_only += app_only;
    }

    /// Those on the days from this one on.
    fn from(day: Day, report: &StatusReport) -> Self {
        let mut calls = Self::default();
        for of in report.days.iter().filter(|of| of.day >= day) {
            calls.add([&of.portal, &of.api], of.app_only);
        }
        calls
    }

    fn manner(self) -> &'static str {
        match self {
            Self { app_only: 1.., .. } => "app_only",
            Self { without_mfa: 1.., .. } => "password",
            Self { with_mfa: 1.., .. } => "mfa",
            _ => "none",
        }
    }
}

/// How a vendor's application calls for a partner, and what that says of a statement.
pub(super) async fn calls(
    (vendor, partner): (&VendorSettings, &PartnerSettings),
    purge: Option<&VendorPurge>,
    report: Option<&Reader>,
    now: Timestamp,
) -> Result<(Option<Lately>, Option<Purge>), StoreError> {
    let Some(report) = report else { return Ok((None, purge.map(|purge| stated(purge, None)))) };
    let today = Day::of(now);
    let stated_on = purge.map(|purge| Day::of(Timestamp::from_millis(purge.at)));
    let month = today.minus(29);
    let asked = Asked {
        from: Some(stated_on.map_or(month, |day| day.min(month))),
        to: Some(today),
        tenant: (!partner.tenant.is_empty()).then(|| partner.tenant.clone()),
        application: Some(vendor.application.clone()),
        most_users: Some(MOST_USERS),
        ..Asked::default()
    };
    let found = report.status(&asked).await?;
    let (days7, days30) = (Calls::from(today.minus(6), &found), Calls::from(month, &found));
    let lately = Lately { days7, days30, manner: days30.manner() };
    Ok((Some(lately), purge.map(|purge| stated(purge, Some(&found)))))
}

fn stated(purge: &VendorPurge, report: Option<&StatusReport>) -> Purge {
    let at = Timestamp::from_millis(purge.at);
    let mut told = Purge {
        at: at.to_rfc3339(),
        by: purge.by.clone(),
        how: purge.how.clone(),
        since: None,
        last_without_mfa: None,
        standing: "stated",
    };
    let Some(report) = report else { return told };
    // The day itself has requests of before.
    let since = Calls::from(Day::of(at).minus(-1), report);
    let last = report.without_mfa.iter().map(|user| user.last.as_str()).max();
    let last = last.and_then(Timestamp::parse).filter(|last| *last > at);
    told.standing = match since.manner() {
        "password" | "app_only" => "contradicted",
        _ if last.is_some() => "contradicted",
        "mfa" => "proven",
        _ => "open",
    };
    Purge { since: Some(since), last_without_mfa: last.map(Timestamp::to_rfc3339), ..told }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: &str = "2026-11-10T12:00:00.000Z";

    fn report(days: &[(&str, u64, u64, u64)], last: &[&str]) -> StatusReport {
        let share = |requests: u64, with_mfa: u64| {
            json!({"requests": requests, "withMfa": with_mfa, "percent": null, "refused": 0, "exempt": 0, "reportOnly": 0,
                   "off": requests - with_mfa})
        };
        let day = |(day, requests, with_mfa, app_only): &(&str, u64, u64, u64)| json!({"day": day, "portal": share(0, 0), "api": share(*requests, *with_mfa), "appOnly": app_only});
        let user = |last: &&str| {
            json!({"issuer": "entra", "tenant": "t", "user": "u", "credential": "bearer", "last": last, "route": "/",
                   "application": "a", "requests": 1})
        };
        let document = json!({
            "span": null, "registered": null, "portal": share(0, 0), "api": share(0, 0), "appOnly": 0,
            "days": days.iter().map(day).collect::<Vec<Value>>(), "applications": [], "tenants": [], "routes": [],
            "exceptions": [], "withoutMfa": last.iter().map(user).collect::<Vec<Value>>(), "isCut": false,
        });
        serde_json::from_value(document).unwrap()
    }

    fn standing(days: &[(&str, u64, u64, u64)], last: &[&str]) -> &'static str {
        let at = Timestamp::parse(AT).unwrap().as_millis();
        let purge = VendorPurge { at, by: "jane".to_owned(), ..VendorPurge::default() };
        stated(&purge, Some(&report(days, last))).standing
    }

    #[test]
    fn a_purge_is_proven_by_requests_with_mfa_alone() {
        assert_eq!(standing(&[("2026-11-11", 9, 9, 0)], &[]), "proven");
        assert_eq!(standing(&[], &[]), "open");
        assert_eq!(standing(&[("2026-11-11", 9, 8, 0)], &[]), "contradicted");
        assert_eq!(standing(&[("2026-11-11", 9, 9, 1)], &[]), "contradicted");
    }

    #[test]
    fn what_came_before_the_statement_contradicts_nothing() {
        assert_eq!(standing(&[("2026-11-10", 9, 1, 0)], &["2026-11-10T11:59:59.000Z"]), "open");
        assert_eq!(standing(&[("2026-11-10", 9, 1, 0)], &["2026-11-10T12:00:01.000Z"]), "contradicted");
    }

    #[test]
    fn an_application_alone_is_worse_than_a_password_and_that_than_mfa() {
        let manner = |with_mfa, without_mfa, app_only| Calls { with_mfa, without_mfa, app_only }.manner();
        assert_eq!([manner(0, 0, 0), manner(9, 0, 0)], ["none", "mfa"]);
        assert_eq!([manner(9, 1, 0), manner(9, 1, 1)], ["password", "app_only"]);
    }
}
