//! The report as text for a terminal.

use std::fmt::Write;

use crate::cli::table::{cell, table};
use crate::report::{AccountList, Group, Incomplete, OfCustomer, Part, Share, StatusReport};
use crate::visible::visible;

/// What the report doesn't cover: before any figure that could reassure.
pub(super) fn told(incomplete: &Incomplete) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let Incomplete { malformed, first, lost, without_permits } = incomplete;
    if *malformed > 0 {
        writeln!(text, "incomplete: {malformed} lines could not be read")?;
        for (log, line, problem) in first {
            writeln!(text, "  {}:{line}: {}", visible(log), visible(problem))?;
        }
    }
    if *lost > 0 {
        writeln!(text, "incomplete: the gateway lost {lost} lines, by its own notices")?;
    }
    if *without_permits > 0 {
        writeln!(text, "incomplete: {without_permits} decisions are of a log that has refusals alone")?;
        writeln!(text, "  fix: record with `log.decisions: all`; nobody with MFA is in such a log")?;
    }
    Ok(text)
}

/// The report, with so many lines in each table.
pub(super) fn to_text(report: &StatusReport, top: usize) -> Result<String, std::fmt::Error> {
    let Some(span) = report.span else {
        return Ok(format!("no data: none of the lines is a decision\n{}", of_accounts(report)?));
    };
    let mut text = format!("security requirements status, {} to {} (UTC)\n\n", span.from, span.to);
    let heads = heads("requests of users");
    let rows = [heads, row("through the portal", &report.portal), row("through the API", &report.api)];
    text += &table(&rows, NUMBERS, "");
    writeln!(text, "\napplications without a user: {}, in no share", report.app_only)?;
    let refused = report.portal.would_be_refused() + report.api.would_be_refused();
    writeln!(text, "enforcement would refuse: {refused}")?;
    if report.is_cut {
        writeln!(text, "cut: more applications, tenants, routes, customers or users came up than are told apart")?;
    }
    text += &of_accounts(report)?;
    for (title, groups) in
        [("application", &report.applications), ("tenant", &report.tenants), ("route", &report.routes)]
    {
        text += &of_groups(title, groups, top);
    }
    text += &of_customers(&report.customers, top);
    text += &of_exceptions(report, top);
    text += &of_users(report, top);
    Ok(text)
}

/// The share of the accounts with MFA registered, for each list.
fn of_accounts(report: &StatusReport) -> Result<String, std::fmt::Error> {
    let Some(lists) = &report.registered else { return Ok(String::new()) };
    let part = |name: &str, part: Part, disabled: String, as_of: &str| {
        let percent = part.percent().map_or_else(|| "no data".to_owned(), |percent| format!("{percent} %"));
        [name.to_owned(), percent, part.registered.to_string(), part.accounts.to_string(), disabled, as_of.to_owned()]
    };
    let mut rows = vec![["accounts", "share", "MFA registered", "enabled", "disabled", "as of"].map(str::to_owned)];
    let mut notes = String::new();
    for list @ AccountList { as_of, accounts, .. } in lists {
        let Some(accounts) = accounts else {
            writeln!(notes, "no data: {}", visible(list.problem.as_deref().unwrap_or_default()))?;
            continue;
        };
        let as_of = as_of.as_deref().unwrap_or("-");
        rows.push(part("all", accounts.enabled, accounts.disabled.to_string(), as_of));
        for (name, apart) in [("administrators", accounts.administrators), ("guests", accounts.guests)] {
            rows.extend(apart.map(|apart| part(name, apart, String::new(), as_of)));
        }
        if accounts.all_taken_as_enabled {
            notes += "the list doesn't say which accounts are enabled: all are taken as enabled\n";
        }
        if accounts.by_capability {
            notes += "the list says which accounts are capable of MFA, and not which have it registered\n";
        }
    }
    let table = if rows.len() > 1 { table(&rows, [false, true, true, true, true, false], "") } else { String::new() };
    Ok(format!("\n{table}{notes}"))
}

const NUMBERS: [bool; 8] = [false, true, true, true, true, true, true, true];

fn heads(first: &str) -> [String; 8] {
    [first, "share", "with MFA", "all", "refused", "exempt", "report only", "off"].map(str::to_owned)
}

fn row(name: &str, share: &Share) -> [String; 8] {
    let percent = share.percent().map_or_else(|| "no data".to_owned(), |percent| format!("{percent} %"));
    let counts = [share.with_mfa, share.requests, share.refused, share.exempt, share.report_only, share.off];
    let [with_mfa, requests, refused, exempt, report_only, off] = counts.map(|count| count.to_string());
    [name.to_owned(), percent, with_mfa, requests, refused, exempt, report_only, off]
}

fn of_groups(title: &str, groups: &[Group], top: usize) -> String {
    let shown = groups.iter().filter(|group| group.share.requests > 0);
    let name = |group: &Group| if group.name.is_empty() { "-".to_owned() } else { cell(&group.name) };
    let rows: Vec<_> = shown.clone().take(top).map(|group| row(&name(group), &group.share)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = std::iter::once(heads(title)).chain(rows).collect();
    format!("\n{}{}", table(&rows, NUMBERS, ""), more(shown.count(), top))
}

fn of_customers(all: &[OfCustomer], top: usize) -> String {
    if all.is_empty() {
        return String::new();
    }
    // A few columns less than elsewhere: two names of tenants are long.
    let heads = ["customer", "partner", "share", "with MFA", "all", "refused", "exempt", "by context", "app-only"];
    let rows =
        all.iter().take(top).map(|OfCustomer { customer, partner, share, app_only, refused_by_context, .. }| {
            let percent = share.percent().map_or_else(|| "no data".to_owned(), |percent| format!("{percent} %"));
            let name = |tenant: &str, none: &str| if tenant.is_empty() { none.to_owned() } else { cell(tenant) };
            let counts = [share.with_mfa, share.requests, share.refused, share.exempt, *refused_by_context, *app_only];
            let [with_mfa, requests, refused, exempt, by_context, app_only] = counts.map(|count| count.to_string());
            let (customer, partner) = (name(customer, "others"), name(partner, "-"));
            [customer, partner, percent, with_mfa, requests, refused, exempt, by_context, app_only]
        });
    let rows: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let numbers = [false, false, true, true, true, true, true, true, true];
    format!("\n{}{}", table(&rows, numbers, ""), more(all.len(), top))
}

fn of_exceptions(report: &StatusReport, top: usize) -> String {
    if report.exceptions.is_empty() {
        return String::new();
    }
    let rows = report.exceptions.iter().take(top).map(|used| [cell(&used.exception), used.requests.to_string()]);
    let rows: Vec<_> = std::iter::once(["exception", "requests"].map(str::to_owned)).chain(rows).collect();
    format!("\n{}{}", table(&rows, [false, true], ""), more(report.exceptions.len(), top))
}

fn of_users(report: &StatusReport, top: usize) -> String {
    if report.without_mfa.is_empty() {
        return String::new();
    }
    let heads = ["seen without MFA", "tenant", "last", "route", "by", "requests"].map(str::to_owned);
    let rows = report.without_mfa.iter().take(top).map(|user| {
        // People know a name, and nobody knows a hash.
        let is_known = !user.name.is_empty() && !user.name.starts_with('#');
        let name = if is_known { &user.name } else { &user.user };
        let [mut name, tenant, route] = [name, &user.tenant, &user.route].map(|text| cell(text));
        if user.kind.is_some() {
            name += " (directory synchronisation)";
        }
        [name, tenant, user.last.clone(), route, user.credential.to_string(), user.requests.to_string()]
    });
    let rows: Vec<_> = std::iter::once(heads).chain(rows).collect();
    let numbers = [false, false, false, false, false, true];
    format!("\n{}{}", table(&rows, numbers, ""), more(report.without_mfa.len(), top))
}

fn more(all: usize, top: usize) -> String {
    if all > top { format!("and {} more (see --top)\n", all - top) } else { String::new() }
}
