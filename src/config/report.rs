//! The settings of the status report.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::file;
use super::names::List;
use super::problem::Problems;
use super::values::time;
use super::waivers::check_issuer;
use crate::report::{AccountFile, Names, ReportSettings};
use mfa_gateway_store::{Kind, StoreSettings};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The settings, if there is to be a report.
pub(super) fn build(
    file: &file::File,
    store: Option<&StoreSettings>,
    problems: &mut Problems<'_>,
) -> Option<ReportSettings> {
    let report = file.report.as_ref()?;
    let mut kept = |field: &str, text: &Option<String>, default: u32| {
        let path = format!("report.retention.{field}");
        time(&path, text.as_deref(), DAY * default, DAY..=DAY * 3660, problems)
    };
    let retention = &report.retention;
    let (days, users) = (kept("days", &retention.days, 400), kept("users", &retention.users, 90));
    let requests = kept("requests", &retention.requests, 7);
    for (field, kept) in [("users", users), ("requests", requests)].into_iter().filter(|(_, kept)| *kept > days) {
        let (kept, days) = (humantime::format_duration(kept), humantime::format_duration(days));
        let message = format!("{kept} is longer than `days`, {days}: a report would name users of days without counts");
        problems.add(&format!("report.retention.{field}"), message, "write a shorter time, or a longer one in `days`");
    }
    if store.is_some_and(|store| matches!(store.kind, Kind::Memory)) {
        let message = "counts are kept in memory, so that they end with the process";
        problems.warn("report", message, "add `state: { directory: /var/lib/mfa-gateway }`, or `store` with Postgres");
    }
    let names = match report.names {
        file::Names::Stored => Names::Stored,
        file::Names::Hashed => Names::Hashed,
        file::Names::Omitted => Names::Omitted,
    };
    Some(ReportSettings { names, days, users, requests })
}

/// The lists of accounts, one for each tenant.
pub(super) fn accounts(file: &file::File, issuers: &List, problems: &mut Problems<'_>) -> Vec<AccountFile> {
    let mut seen = HashSet::new();
    let mut files: Vec<AccountFile> = Vec::new();
    let lists = file.report.iter().flat_map(|report| &report.accounts).enumerate();
    for (at, file::Accounts { issuer, tenant, file }) in lists {
        let path = format!("report.accounts[{at}]");
        check_issuer(&path, issuer, issuers, problems);
        let tenant = tenant.as_deref().unwrap_or_default().to_ascii_lowercase();
        if !seen.insert((issuer, tenant.clone())) {
            problems.add(&path, "there is a list of this tenant already", "write all of its accounts into one list");
        }
        files.push(AccountFile { issuer: issuer.clone(), tenant, file: PathBuf::from(file) });
    }
    files
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Config;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /, upstream: api, require: public }]
";

    fn read(section: &str) -> Result<Config, String> {
        Config::parse("f", &format!("{FILE}{section}"), HashMap::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_report_opens_the_store_and_keeps_what_it_says() {
        let config = read("report: {}").unwrap();
        let expected = ReportSettings { names: Names::Stored, days: DAY * 400, users: DAY * 90, requests: DAY * 7 };
        assert_eq!((config.report, config.store.is_some()), (Some(expected), true));
        assert!(config.warnings.iter().any(|warning| warning.to_string().contains("end with the process")));
        let config = read("report: { names: omitted, retention: { days: 30d, users: 2d, requests: 1d } }").unwrap();
        let expected = ReportSettings { names: Names::Omitted, days: DAY * 30, users: DAY * 2, requests: DAY };
        assert_eq!(config.report, Some(expected));
        let none = read("").unwrap();
        assert_eq!((none.report, none.store), (None, None));
    }

    #[test]
    fn what_makes_no_sense_is_a_problem() {
        for (section, told) in [
            ("report: { names: plain }", "report.names"),
            ("report: { retention: { days: 1h } }", "report.retention.days"),
            ("report: { retention: { days: 10d, users: 20d } }", "report.retention.users"),
            ("report: { retention: { requests: 500d } }", "report.retention.requests"),
            ("report: { keep: 1d }", "report"),
        ] {
            let error = read(section).unwrap_err();
            assert!(error.contains(told), "{section}: {error}");
        }
    }

    #[test]
    fn a_list_of_accounts_belongs_to_an_issuer_and_a_tenant() {
        const ISSUER: &str = "issuers: [{ name: idp, issuer: https://idp.example/, audiences: [a] }]\n";
        let read = |lists: &str| read(&format!("{ISSUER}report: {{ accounts: [{lists}] }}"));
        let config = read("{ issuer: idp, tenant: T1, file: a.csv }, { issuer: idp, file: b.json }").unwrap();
        let file = |tenant: &str, file: &str| AccountFile {
            issuer: "idp".to_owned(),
            tenant: tenant.to_owned(),
            file: PathBuf::from(file),
        };
        assert_eq!(config.account_files, [file("t1", "a.csv"), file("", "b.json")]);
        let error = read("{ issuer: idq, file: a.csv }").unwrap_err();
        assert!(error.contains("there is no issuer `idq`") && error.contains("did you mean `idp`?"), "{error}");
        let error = read("{ issuer: idp, file: a.csv }, { issuer: idp, file: b.csv }").unwrap_err();
        assert!(error.contains("report.accounts[1]") && error.contains("already"), "{error}");
    }
}
