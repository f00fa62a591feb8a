//! A user, forgotten by a running gateway.

use std::process::ExitCode;

use serde_json::json;

use super::args::{Forget, Report};
use crate::cli::print::{print, print_json};
use crate::visible::visible;

/// Deletes a user's records. The exit code is 0 if the gateway did it, else 1.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn forget(args: &Report, of: &Forget) -> anyhow::Result<ExitCode> {
    let question = json!({"issuer": of.issuer, "tenant": of.tenant, "user": of.user});
    let response = args.running.post(&args.config, "/report/forget", &question).await?;
    let done = response.status == 200;
    if args.json {
        print_json(&response.document)?;
    } else if done {
        let records = response.document["records"].as_u64().unwrap_or_default();
        print(&format!("{records} record{} deleted\n", if records == 1 { "" } else { "s" }))?;
    } else {
        print(&format!("{}\n", visible(&response.trouble())))?;
    }
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
