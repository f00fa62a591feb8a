//! The page of the status report: figures, and behind each number the list that it counts.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::asked_report::{Fields, Filter};
use super::chart::{Chart, Point};
use super::frame::{Frame, Tab};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::report::{reader, unavailable};
use crate::pages::short;
use crate::report::{Asked, Group, OfCustomer, OfDay, Share, StatusReport, WithoutMfa};

pub(super) const PATH: &str = "/site/report";
const REQUESTS: &str = "/site/report/requests";

/// How many rows a table has. The downloads have all.
const MOST: usize = 50;

#[derive(Default, Serialize)]
struct Page {
    from: String,
    to: String,
    hidden: Vec<(String, String)>,
    filters: Vec<Filter>,
    trouble: Option<String>,
    figures: Vec<Figure>,
    registered: Vec<Registered>,
    chart: Option<Chart>,
    days: Vec<Day>,
    tables: Vec<Table>,
    customers: Vec<OfPartner>,
    more_customers: usize,
    without: Vec<Person>,
    /// How many more there are, and whether there are some that aren't told apart.
    more_without: usize,
    is_cut: bool,
    exceptions: Vec<(String, u64)>,
    downloads: Vec<(&'static str, String)>,
    forget: Option<[String; 3]>,
}

#[derive(Serialize)]
pub(super) struct Figure {
    label: &'static str,
    value: String,
    href: Option<String>,
    note: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Registered {
    of: String,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct Day {
    day: String,
    href: String,
    portal: Shown,
    api: Shown,
    app_only: u64,
}

/// A share in a table.
#[derive(Serialize)]
pub(super) struct Shown {
    percent: String,
    requests: u64,
    with_mfa: u64,
    without: u64,
    would_be_refused: u64,
    refused: u64,
    exempt: u64,
}

#[derive(Serialize)]
struct Table {
    id: &'static str,
    title: &'static str,
    one: &'static str,
    rows: Vec<Row>,
    more: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    issuer: String,
    href: Option<String>,
    requests: String,
    without: String,
    share: Shown,
    app_only: u64,
}

#[derive(Serialize)]
struct OfPartner {
    customer: Row,
    partner: String,
    by_context: u64,
}

#[derive(Serialize)]
struct Person {
    name: String,
    tenant: String,
    href: String,
    requests: String,
    kind: &'static str,
    last: String,
    route: String,
    application: String,
    count: u64,
}

/// Shows the report.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Report);
    let Some((fields, asked)) = read(&uri) else { return malformed(&frame) };
    let mut page = Page { filters: fields.filters(PATH), hidden: fields.hidden(), ..Page::default() };
    let report = match reader(&admin) {
        Ok(reader) => reader.status(&asked).await.map_err(|error| unavailable(&error)),
        Err(refused) => Err(refused),
    };
    match report {
        Ok(report) => page.tell(&report, &fields),
        Err(refused) => {
            let (_, description, remedy) = refused.told();
            page.trouble = Some(format!("{description} {remedy}"));
            page.from = fields.get("from").unwrap_or_default().to_owned();
            page.to = fields.get("to").unwrap_or_default().to_owned();
        }
    }
    frame.page("report.html", page)
}

/// What the address asks for.
pub(super) fn read(uri: &Uri) -> Option<(Fields, Asked)> {
    let fields = Fields::read(uri.query().unwrap_or_default())?;
    let asked = fields.asked()?;
    Some((fields, asked))
}

pub(super) fn malformed(frame: &Frame<'_>) -> Response {
    let remedy = "Write days as 2026-11-29, the earlier one first, and choose the rest by the page's links.";
    frame.message(StatusCode::BAD_REQUEST, "The address has a wrong parameter.", remedy, PATH)
}

impl Shown {
    /// A share as a table shows it.
    pub(super) fn of(share: &Share) -> Self {
        Self {
            percent: percent(share.percent()),
            requests: share.requests,
            with_mfa: share.with_mfa,
            without: share.without_mfa(),
            would_be_refused: share.would_be_refused(),
            refused: share.refused,
            exempt: share.exempt,
        }
    }
}

/// No data is no number, and not 100 %.
fn percent(percent: Option<u8>) -> String {
    percent.map_or_else(|| "no data".to_owned(), |percent| format!("{percent} %"))
}

/// The figures of a report. `link` makes the address of a list of requests, with these fields set.
pub(super) fn figures(report: &StatusReport, link: impl Fn(&str) -> String) -> Vec<Figure> {
    let share = |label, share: &Share| Figure {
        label,
        value: percent(share.percent()),
        href: (share.requests > 0).then(|| link("")),
        note: format!("{} of {} requests", share.with_mfa, share.requests),
        kind: "",
    };
    let would = report.portal.would_be_refused() + report.api.would_be_refused();
    let exempt = report.portal.exempt + report.api.exempt;
    let refused = report.portal.refused + report.api.refused;
    let count = |label, count: u64, note: &str, kind| Figure {
        label,
        value: count.to_string(),
        href: (count > 0).then(|| link("without")),
        note: note.to_owned(),
        kind: if count > 0 { kind } else { "" },
    };
    vec![
        share("Portal, with MFA", &report.portal),
        share("API, with MFA", &report.api),
        count("Would be refused", would, "passed without MFA, and enforcement would refuse them", "warn"),
        count("Refused", refused, "without MFA, by enforcement", ""),
        count("By exception", exempt, "passed without MFA, since an exception says so", "warn"),
        Figure {
            label: "App-only",
            value: report.app_only.to_string(),
            href: (report.app_only > 0).then(|| format!("{PATH}#applications")),
            note: "of applications without a user, in no share".to_owned(),
            kind: "",
        },
    ]
}

/// The chart of a report's days: a day on which nothing was counted is a gap.
pub(super) fn chart(report: &StatusReport) -> Option<Chart> {
    let span = report.span?;
    let known: HashMap<_, _> = report.days.iter().map(|day| (day.day, day)).collect();
    let mut points = Vec::new();
    // The span is bounded by how long counts are kept; this is for one that somebody writes into an address.
    for back in (0..800).rev() {
        let day = span.to.minus(back);
        if day < span.from {
            continue;
        }
        let percents = known.get(&day).map_or([None, None], |day| [day.portal.percent(), day.api.percent()]);
        points.push(Point { day: day.to_string(), percents });
    }
    Chart::of(&points)
}

impl Page {
    fn tell(&mut self, report: &StatusReport, fields: &Fields) {
        if let Some(span) = report.span {
            (self.from, self.to) = (span.from.to_string(), span.to.to_string());
        }
        self.figures = figures(report, |mfa| fields.with(&[("mfa", &mfa)]).at(REQUESTS));
        self.chart = chart(report);
        self.days = report.days.iter().map(|day| self::day(day, fields)).collect();
        let table = |id, title, one, field: &str, groups: &[Group]| Table {
            id,
            title,
            one,
            rows: groups.iter().take(MOST).map(|group| row(group, field, fields)).collect(),
            more: groups.len().saturating_sub(MOST),
        };
        if fields.get("user").is_none() {
            self.tables = vec![
                table("applications", "Applications", "Application", "application", &report.applications),
                table("tenants", "Tenants", "Tenant", "tenant", &report.tenants),
                table("routes", "Routes", "Route", "route", &report.routes),
            ];
        }
        self.customers = report.customers.iter().take(MOST).map(|of| of_partner(of, fields)).collect();
        self.more_customers = report.customers.len().saturating_sub(MOST);
        self.tell_users(report, fields);
        self.tell_registered(report);
        self.is_cut = report.is_cut;
        let used = report.exceptions.iter().take(MOST);
        self.exceptions = used.map(|one| (short(&one.exception).into_owned(), one.requests)).collect();
        let plain = fields.with(&[("mfa", &"")]);
        self.downloads = vec![
            ("Portal requests without MFA (CSV)", plain.at("/report.csv?of=portal")),
            ("API requests summary (CSV)", plain.at("/report.csv?of=applications")),
            ("Customers (CSV)", plain.at("/report.csv?of=customers")),
            ("All API requests, the latest 10,000 (CSV)", plain.at("/report.csv?of=requests")),
            ("The report (JSON)", plain.at("/report")),
            ("The latest requests (JSON)", plain.at("/report/requests")),
        ];
        let whose = [fields.get("issuer"), fields.get("tenant").or(Some("")), fields.get("user")];
        if let [Some(issuer), Some(tenant), Some(user)] = whose {
            self.forget = Some([issuer, tenant, user].map(str::to_owned));
        }
    }

    fn tell_users(&mut self, report: &StatusReport, fields: &Fields) {
        let person = |user: &WithoutMfa| {
            let whose = fields.with(&[("issuer", &user.issuer), ("tenant", &user.tenant), ("user", &user.user)]);
            let name = if user.name.is_empty() { &user.user } else { &user.name };
            Person {
                name: short(name).into_owned(),
                tenant: short(&user.tenant).into_owned(),
                href: whose.at(PATH),
                requests: whose.with(&[("mfa", &"without")]).at(REQUESTS),
                kind: if user.credential == "session" { "portal" } else { "API" },
                last: user.last.get(..16).unwrap_or(&user.last).replace('T', " "),
                route: short(&user.route).into_owned(),
                application: short(&user.application).into_owned(),
                count: user.requests,
            }
        };
        self.without = report.without_mfa.iter().take(MOST).map(person).collect();
        self.more_without = report.without_mfa.len().saturating_sub(MOST);
    }

    fn tell_registered(&mut self, report: &StatusReport) {
        for list in report.registered.iter().flatten().take(MOST) {
            let of = [&list.issuer, &list.tenant].map(|text| short(text).into_owned()).join(" ");
            let of = if of.trim().is_empty() { "Accounts".to_owned() } else { of };
            let (value, note) = match &list.accounts {
                Some(accounts) => {
                    let (enabled, as_of) = (accounts.enabled, list.as_of.as_deref().unwrap_or("an unknown time"));
                    let note =
                        format!("{} of {} enabled accounts, as of {as_of}", enabled.registered, enabled.accounts);
                    (percent(enabled.percent()), note)
                }
                None => ("no data".to_owned(), short(list.problem.as_deref().unwrap_or_default()).into_owned()),
            };
            self.registered.push(Registered { of, value, note });
        }
    }
}

fn day(day: &OfDay, fields: &Fields) -> Day {
    Day {
        day: day.day.to_string(),
        href: fields.with(&[("from", &day.day), ("to", &day.day), ("mfa", &"")]).at(PATH),
        portal: Shown::of(&day.portal),
        api: Shown::of(&day.api),
        app_only: day.app_only,
    }
}

fn of_partner(of: &OfCustomer, fields: &Fields) -> OfPartner {
    let OfCustomer { issuer, customer: name, partner, share, app_only, refused_by_context } = of.clone();
    let customer = row(&Group { issuer, name, share, app_only }, "tenant", fields);
    OfPartner { customer, partner: short(&partner).into_owned(), by_context: refused_by_context }
}

fn row(group: &Group, field: &str, fields: &Fields) -> Row {
    let narrowed = fields.with(&[("issuer", &group.issuer), (field, &group.name), ("mfa", &"")]);
    let named = !group.name.is_empty();
    Row {
        name: if named { short(&group.name).into_owned() } else { "not said".to_owned() },
        issuer: short(&group.issuer).into_owned(),
        href: named.then(|| narrowed.at(PATH)),
        requests: narrowed.at(REQUESTS),
        without: narrowed.with(&[("mfa", &"without")]).at(REQUESTS),
        share: Shown::of(&group.share),
        app_only: group.app_only,
    }
}
