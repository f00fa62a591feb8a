//! Downloads as CSV (RFC 4180), as Partner Center's page has them.

use super::customers::OfCustomer;
use super::share::Share;
use super::status::{Group, StatusReport};

/// A download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Download {
    /// Users whose requests to a portal came without MFA, and their last visit.
    Portal,
    /// A line for each application, with its share.
    Applications,
    /// A line for each customer and partner.
    Customers,
    /// The latest requests of users to an API.
    Requests,
}

impl Download {
    const ALL: [Self; 4] = [Self::Portal, Self::Applications, Self::Customers, Self::Requests];

    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Applications => "applications",
            Self::Customers => "customers",
            Self::Requests => "requests",
        }
    }

    /// The download of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|download| download.name() == name)
    }
}

/// The text.
pub(crate) fn csv(report: &StatusReport, download: Download) -> String {
    match download {
        Download::Portal => portal(report),
        Download::Applications => applications(report),
        Download::Customers => customers(report),
        Download::Requests => requests(report),
    }
}

fn portal(report: &StatusReport) -> String {
    let mut text = line(&["issuer", "tenant", "user", "name", "lastVisit", "route", "requestsWithoutMfa"]);
    for user in report.without_mfa.iter().filter(|user| user.credential == "session") {
        let requests = user.requests.to_string();
        text += &line(&[&user.issuer, &user.tenant, &user.user, &user.name, &user.last, &user.route, &requests]);
    }
    text
}

const COUNTS: [&str; 8] = ["requests", "withMfa", "percent", "refused", "exempt", "reportOnly", "off", "appOnly"];

/// The cells under [`COUNTS`].
fn counts(share: &Share, app_only: u64) -> [String; 8] {
    let percent = share.percent().map(|percent| percent.to_string()).unwrap_or_default();
    let [requests, with_mfa] = [share.requests, share.with_mfa].map(|count| count.to_string());
    let others = [share.refused, share.exempt, share.report_only, share.off, app_only];
    let [refused, exempt, report_only, off, app_only] = others.map(|count| count.to_string());
    [requests, with_mfa, percent, refused, exempt, report_only, off, app_only]
}

fn applications(report: &StatusReport) -> String {
    let mut text = line(&[&["issuer", "application"][..], &COUNTS].concat());
    for Group { issuer, name, share, app_only } in &report.applications {
        let counts = counts(share, *app_only);
        text += &line(&[&[issuer.as_str(), name][..], &counts.each_ref().map(String::as_str)].concat());
    }
    text
}

fn customers(report: &StatusReport) -> String {
    let heads = [&["issuer", "customer", "partner"][..], &COUNTS, &["refusedByContext"]].concat();
    let mut text = line(&heads);
    for OfCustomer { issuer, customer, partner, share, app_only, refused_by_context } in &report.customers {
        let (counts, by_context) = (counts(share, *app_only), refused_by_context.to_string());
        let names = [issuer.as_str(), customer, partner];
        text += &line(&[&names[..], &counts.each_ref().map(String::as_str), &[&by_context]].concat());
    }
    text
}

fn requests(report: &StatusReport) -> String {
    let mut text = line(&[
        "time",
        "requestId",
        "correlationId",
        "operation",
        "address",
        "issuer",
        "tenant",
        "user",
        "name",
        "application",
        "mfaCompliant",
    ]);
    for request in report.latest.iter().filter(|request| request.credential == "bearer") {
        let compliant = if request.compliant { "true" } else { "false" };
        let address = request.address.as_deref().unwrap_or_default();
        let ids = [&*request.time, &request.request_id, &request.correlation_id, &request.operation, address];
        let who = [&*request.issuer, &request.tenant, &request.user, &request.name, &request.application, compliant];
        text += &line(&[&ids[..], &who].concat());
    }
    text
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell. A spreadsheet takes a text that begins with one of these for a formula, and would run what a client wrote.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counted::tests::line as decision;
    use super::super::counts::Counts;
    use super::*;

    #[test]
    fn a_cell_holds_any_text_and_is_no_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("@sum", "\"'@sum\""),
            ("-2", "\"'-2\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn each_download_has_its_lines() {
        let mut counts = Counts::default();
        for changes in [
            json!({"user": "=jane"}),
            json!({"compliant": false, "grounds": "off", "user": "john"}),
            json!({"compliant": false, "grounds": "off", "user": "john", "credential": "session"}),
            json!({"class": "app_only", "user": null, "customer": "T", "home_tenant": "t"}),
        ] {
            counts.decision(&decision(changes)).unwrap();
        }
        let report = counts.report(None, None);
        let text = |download| csv(&report, download);
        assert_eq!(
            text(Download::Portal),
            "issuer,tenant,user,name,lastVisit,route,requestsWithoutMfa\r\nentra,t,john,,2026-11-28T10:00:00.000Z,/v1/,1\r\n"
        );
        assert!(
            text(Download::Applications).ends_with("entra,app,3,1,33,0,0,0,2,1\r\n"),
            "{}",
            text(Download::Applications)
        );
        let customers = text(Download::Customers);
        assert!(customers.ends_with("appOnly,refusedByContext\r\nentra,t,,0,0,,0,0,0,0,1,0\r\n"), "{customers}");
        let requests = text(Download::Requests);
        assert_eq!(requests.lines().count(), 3);
        assert!(requests.contains(",GET /v1/,192.0.2.1,entra,t,\"'=jane\",,app,true\r\n"), "{requests}");
    }
}
