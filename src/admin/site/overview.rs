//! The overview: what needs attention, and how the parts of the gateway are.

use std::sync::Arc;

use axum::response::Response;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::{Delegation, Delegations, Exception};
use mfa_gateway_keys::KeySource;
use serde::Serialize;
use std::time::Duration;

use super::chart::Chart;
use super::consents;
use super::frame::{Frame, Tab, left};
use super::report::{self, Figure as ReportFigure};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::delegations::sorted;
use crate::config::Config;
use crate::exceptions::{State, Wanted};
use crate::gateway::Live;
use crate::pages::{Moment, short};
use crate::report::Asked;

/// How long before a certificate expires it needs attention.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// How many rows a table has.
const MOST: usize = 100;

#[derive(Default, Serialize)]
struct Overview {
    figures: Vec<Figure>,
    attention: Vec<Attention>,
    issuers: Vec<IssuerRow>,
    endpoints: Vec<EndpointRow>,
    certificates: Vec<CertificateRow>,
    exceptions: Vec<ExceptionRow>,
    delegations: Option<DelegationTable>,
    report: Option<WeekOfReport>,
}

/// The report's figures of the usual days, if there is a report.
#[derive(Serialize)]
struct WeekOfReport {
    trouble: Option<&'static str>,
    figures: Vec<ReportFigure>,
    chart: Option<Chart>,
}

#[derive(Serialize)]
struct Figure {
    label: &'static str,
    value: String,
    href: Option<&'static str>,
    note: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Attention {
    kind: &'static str,
    what: &'static str,
    words: String,
    href: Option<&'static str>,
}

#[derive(Serialize)]
struct IssuerRow {
    name: String,
    kind: &'static str,
    state: &'static str,
    error: Option<String>,
    keys: usize,
    fetched: Option<Moment>,
}

#[derive(Serialize)]
struct EndpointRow {
    upstream: String,
    endpoint: String,
    kind: &'static str,
    state: &'static str,
    in_flight: i64,
}

#[derive(Serialize)]
struct CertificateRow {
    of: &'static str,
    name: String,
    file: String,
    expires: Moment,
    kind: &'static str,
    left: String,
}

#[derive(Serialize)]
struct ExceptionRow {
    id: String,
    owner: String,
    reason: String,
    expires: Moment,
    kind: &'static str,
    left: String,
}

/// The delegations, if there are any.
#[derive(Serialize)]
struct DelegationTable {
    active: usize,
    rows: Vec<DelegationRow>,
}

/// A delegation that has ended, or ends soon.
#[derive(Serialize)]
struct DelegationRow {
    partner: String,
    customer: String,
    roles: String,
    until: Moment,
    kind: &'static str,
    left: String,
}

/// The first page.
pub(super) async fn overview(admin: &Admin, who: &Who) -> Response {
    let (live, state) = (admin.live.load_full(), admin.state.load_full());
    let mut page = Overview::default();
    page.tell_issuers(&admin.sources.load());
    page.tell_upstreams(&live);
    page.tell_certificates(&state.config, live.clock.now());
    page.tell_exceptions(&state.config, live.clock.now());
    page.tell_delegations(&live.judge.delegations, live.clock.now());
    let warnings = state.config.warnings.len();
    if warnings > 0 {
        page.attend("warn", "configuration", counted(warnings, "warning"), Some("/site/configuration#warnings"));
    }
    if !state.needs_restart.is_empty() {
        let words = format!("a restart is needed for {}", state.needs_restart.join(", "));
        page.attend("warn", "configuration", words, Some("/site/configuration"));
    }
    page.tell_requests(admin, who).await;
    let consents = page.tell_consents(&live).await;
    page.report = week(admin).await;
    page.figures(&state.config, state.loaded, state.generation);
    page.figures.extend(consents);
    Frame::new(admin, who, Tab::Overview).page("overview.html", page)
}

async fn week(admin: &Admin) -> Option<WeekOfReport> {
    let reader = admin.report.as_ref()?;
    let asked = Asked { most_users: Some(0), ..Asked::default() };
    Some(match reader.status(&asked).await {
        Ok(report) => {
            let link = |mfa: &str| {
                let path = "/site/report/requests";
                if mfa.is_empty() { path.to_owned() } else { format!("{path}?mfa={mfa}") }
            };
            WeekOfReport { trouble: None, figures: report::figures(&report, link), chart: report::chart(&report) }
        }
        Err(error) => {
            tracing::warn!(kind = error.kind(), %error, "the store failed an operator who asked for the overview");
            let trouble = Some("The store does not respond: what was counted can't be shown now.");
            WeekOfReport { trouble, figures: Vec::new(), chart: None }
        }
    })
}

fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

impl Overview {
    fn attend(&mut self, kind: &'static str, what: &'static str, words: String, href: Option<&'static str>) {
        self.attention.push(Attention { kind, what, words, href });
    }

    /// The exceptions that wait for an answer.
    async fn tell_requests(&mut self, admin: &Admin, who: &Who) {
        let (Some(service), Some(actor)) = (&admin.exceptions, who.actor()) else { return };
        let wanted = Wanted { state: Some(State::Requested), ..Wanted::default() };
        let href = Some("/site/exceptions?state=requested");
        match service.list(&actor, &wanted, &admin.live.load().judge.waivers.exceptions).await {
            Ok(listed) => {
                for one in listed.entries.iter().take(MOST) {
                    let due = one.due.as_deref().unwrap_or_default();
                    let words = format!("{} waits for an answer, due {due}", short(&one.id));
                    self.attend(if one.overdue { "bad" } else { "warn" }, "exception", words, href);
                }
            }
            Err(_) => self.attend("bad", "exceptions", "the store does not respond".to_owned(), href),
        }
    }

    /// The consents that programs can't use, or not for long.
    async fn tell_consents(&mut self, live: &Live) -> Option<Figure> {
        let troubles = consents::troubles(live).await;
        let (value, href) = (troubles.len().to_string(), Some(consents::PATH));
        let kind = if troubles.is_empty() { "good" } else { "warn" };
        for (kind, words) in troubles {
            self.attend(kind, "consent", words, href);
        }
        let note = format!("of {} that need attention", live.keepers.len());
        (!live.keepers.is_empty()).then_some(Figure { label: "Consents", value, href, note, kind })
    }

    fn tell_issuers(&mut self, sources: &[Arc<KeySource>]) {
        for source in sources.iter().take(MOST) {
            let status = source.status();
            let has_keys = source.current().is_some();
            let (kind, state) = match (has_keys, status.failures) {
                (false, _) => ("bad", "no keys"),
                (true, 0) => ("good", "fresh"),
                (true, _) => ("warn", "refresh fails"),
            };
            let name = short(source.name()).into_owned();
            if kind != "good" {
                self.attend(kind, state, format!("the keys of issuer {name}"), Some("#issuers"));
            }
            let error = status.last_error.map(|error| short(&error).into_owned());
            let fetched = status.fetched.map(Moment::of);
            self.issuers.push(IssuerRow { name, kind, state, error, keys: status.keys, fetched });
        }
    }

    fn tell_upstreams(&mut self, live: &Live) {
        for upstream in &live.upstreams {
            for endpoint in upstream.endpoints() {
                let (kind, state) = if endpoint.is_set_aside { ("bad", "set aside") } else { ("good", "in use") };
                let name = short(&upstream.settings().name).into_owned();
                if endpoint.is_set_aside {
                    let words = format!("the endpoint {} of upstream {name}", endpoint.name);
                    self.attend(kind, state, words, Some("#upstreams"));
                }
                let in_flight = endpoint.in_flight;
                self.endpoints.push(EndpointRow { upstream: name, endpoint: endpoint.name, kind, state, in_flight });
            }
        }
        self.endpoints.truncate(MOST);
    }

    fn tell_certificates(&mut self, config: &Config, now: Timestamp) {
        let mut certificates = config.certificates();
        certificates.sort_by_key(|one| one.expires);
        for one in certificates.into_iter().take(MOST) {
            let (kind, left) = left(one.expires, now, SOON, "expired");
            if kind != "good" {
                let words = format!("the certificate of {} {}: {left}", one.of, one.name);
                self.attend(kind, "certificate", words, Some("#certificates"));
            }
            let (file, expires) = (short(&one.file).into_owned(), Moment::of(one.expires));
            self.certificates.push(CertificateRow { of: one.of, name: one.name, file, expires, kind, left });
        }
    }

    fn tell_exceptions(&mut self, config: &Config, now: Timestamp) {
        let mut exceptions: Vec<&Exception> = config.waivers.exceptions.iter().collect();
        exceptions.sort_by_key(|one| one.expires);
        for one in exceptions.into_iter().take(MOST) {
            let (kind, left) = left(one.expires, now, Exception::SOON, "ended");
            let id = short(&one.id).into_owned();
            if kind != "good" {
                self.attend(kind, "exception", format!("{id}: {left}"), Some("#exceptions"));
            }
            let [owner, reason] = [&one.owner, &one.reason].map(|text| short(text).into_owned());
            self.exceptions.push(ExceptionRow { id, owner, reason, expires: Moment::of(one.expires), kind, left });
        }
    }

    fn tell_delegations(&mut self, all: &Delegations, now: Timestamp) {
        if all.iter().next().is_none() {
            return;
        }
        let mut rows = Vec::new();
        let ends = |one: &&Delegation| one.until.minus(Delegation::SOON) <= now && !all.is_renewed(one);
        for one in sorted(all).into_iter().filter(ends).take(MOST) {
            // One that has ended is remarked on, and no failure: somebody may have meant it to end.
            let (_, left) = left(one.until, now, Delegation::SOON, "ended");
            let (partner, customer) = (short(&one.partner).into_owned(), short(&one.customer).into_owned());
            self.attend("warn", "delegation", format!("of customer {customer}: {left}"), Some("#delegations"));
            let roles = one.roles.iter().map(|role| short(role)).collect::<Vec<_>>().join(", ");
            rows.push(DelegationRow { partner, customer, roles, until: Moment::of(one.until), kind: "warn", left });
        }
        let active = all.iter().filter(|one| one.holds(now)).count();
        self.delegations = Some(DelegationTable { active, rows });
    }

    fn figures(&mut self, config: &Config, loaded: Timestamp, generation: u64) {
        let bad = self.attention.iter().filter(|one| one.kind == "bad").count();
        let (value, kind) = match (bad, self.attention.len()) {
            (0, 0) => ("Well".to_owned(), "good"),
            (0, count) => (counted(count, "remark"), "warn"),
            (bad, _) => (counted(bad, "failure"), "bad"),
        };
        let note = "keys, upstreams, certificates, exceptions, delegations, configuration".to_owned();
        self.figures.push(Figure { label: "State", value, href: Some("#attention"), note, kind });
        let note = format!("loaded {loaded}");
        let href = Some("/site/configuration");
        self.figures.push(Figure { label: "Generation", value: generation.to_string(), href, note, kind: "" });
        let reported = config.routes.iter().filter(|route| is_reported(route)).count();
        let note = "of those that require MFA, the others report or do nothing".to_owned();
        let of = config.routes.iter().filter(|route| requires_mfa(route)).count();
        let value = format!("{} of {of}", of - reported);
        let kind = if reported == 0 { "good" } else { "warn" };
        let href = Some("/site/configuration#routes");
        self.figures.push(Figure { label: "Routes that enforce MFA", value, href, note, kind });
    }
}

fn requires_mfa(route: &crate::routing::Route) -> bool {
    matches!(route.rule.requirement, mfa_gateway_core::policy::Requirement::Mfa { .. })
}

fn is_reported(route: &crate::routing::Route) -> bool {
    requires_mfa(route) && route.rule.activation.mode != mfa_gateway_core::policy::Mode::Enforce
}
