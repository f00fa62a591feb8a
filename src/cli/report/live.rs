//! The report of a running gateway.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::args::{Report, ReportCsv};
use crate::cli::print::print;
use crate::report::{Request, StatusReport};
use crate::visible::visible;

/// The report; nothing, and the reason is printed, if the gateway refuses.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn report(args: &Report) -> anyhow::Result<Option<StatusReport>> {
    let Some(document) = ask(args, "/report").await? else { return Ok(None) };
    let mut report: StatusReport = read(document)?;
    if args.csv == Some(ReportCsv::Requests) {
        let Some(document) = ask(args, "/report/requests").await? else { return Ok(None) };
        report.latest = read::<Requests>(document)?.requests;
    }
    Ok(Some(report))
}

#[derive(Deserialize)]
struct Requests {
    requests: Vec<Request>,
}

async fn ask(args: &Report, path: &str) -> anyhow::Result<Option<Value>> {
    let days = [("from", args.from), ("to", args.to)].map(|(name, day)| (name, day.map(|day| day.to_string())));
    let of = &args.of;
    let names = [
        ("issuer", &of.issuer),
        ("tenant", &of.tenant),
        ("application", &of.application),
        ("route", &of.route),
        ("user", &of.user),
    ];
    let given = days.into_iter().chain(names.map(|(name, value)| (name, value.clone())));
    let query: Vec<_> = given.filter_map(|(name, value)| Some((name, value?))).collect();
    let response = args.running.get(&args.config, path, &query).await?;
    if response.status != 200 {
        print(&format!("{}\n", visible(&response.trouble())))?;
        return Ok(None);
    }
    Ok(Some(response.document))
}

fn read<T: serde::de::DeserializeOwned>(document: Value) -> anyhow::Result<T> {
    serde_json::from_value(document).context("the gateway's report is of another version; use its own command")
}
