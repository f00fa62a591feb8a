//! `vendors`: lists the control panel vendors of a running gateway, and has their partners' customers consent.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::print::{print, print_json};
use super::running::{Response, Running};
use super::table::{cell, table as columns};
use super::vendors_help as help;
use crate::visible::visible;

#[derive(Debug, clap::Args)]
pub(super) struct Vendors {
    /// The configuration file of the gateway.
    #[arg(
        long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG, global = true
    )]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_VENDORS_JSON", value_parser = yes_or_no, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) action: Action,
}

// What an action is about has no variable: one that is left over would concern the wrong customers.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Lists the vendors, and how far each of their partners is.
    #[command(after_help = help::VENDORS_LIST)]
    List,
    /// Has a partner's customers consent to the vendor's application.
    #[command(after_help = help::VENDORS_CONSENT)]
    Consent {
        #[command(flatten)]
        customers: Customers,
        /// Takes back a consent that is there, and gives it again: it lacks for a moment.
        #[arg(long)]
        anew: bool,
    },
    /// Takes back the consents of a partner's customers.
    #[command(after_help = help::VENDORS_REMOVE)]
    Remove {
        #[command(flatten)]
        customers: Customers,
    },
    /// States that the stored credentials of a partner are gone.
    #[command(after_help = help::VENDORS_PURGED)]
    Purged {
        /// The vendor's name.
        vendor: String,
        /// The partner's name.
        partner: String,
        /// How that is proven: where they were, who deleted them, the ticket.
        #[arg(long, value_name = "TEXT")]
        how: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Customers {
    /// The vendor's name.
    vendor: String,
    /// The partner's name.
    partner: String,
    /// All of the partner's customers, as the partner API lists them.
    #[arg(long, required_unless_present = "customer", conflicts_with = "customer")]
    all: bool,
    /// The tenant id of a customer. Repeat the flag for several.
    #[arg(long, value_name = "ID")]
    customer: Vec<String>,
}

/// Does what the action says. The exit code is 0 if the gateway did it, else 1.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn vendors(args: Vendors) -> anyhow::Result<ExitCode> {
    let Vendors { config, running, json, action } = &args;
    match action {
        Action::List => tell(&running.get(config, "/vendors", &[]).await?, *json, table),
        Action::Consent { customers, anew } => {
            let mut question = customers.question();
            question["anew"] = json!(anew);
            tell(&running.post(config, "/vendors/consent", &question).await?, *json, taken)
        }
        Action::Remove { customers } => {
            tell(&running.post(config, "/vendors/remove", &customers.question()).await?, *json, taken)
        }
        Action::Purged { vendor, partner, how } => {
            let question = json!({"vendor": vendor, "partner": partner, "how": how});
            tell(&running.post(config, "/vendors/purged", &question).await?, *json, |_| "noted\n".to_owned())
        }
    }
}

impl Customers {
    fn question(&self) -> Value {
        let Self { vendor, partner, all, customer } = self;
        json!({"vendor": vendor, "partner": partner, "all": all, "customers": customer})
    }
}

fn tell(response: &Response, json: bool, text: impl Fn(&Value) -> String) -> anyhow::Result<ExitCode> {
    let done = response.status == 200;
    if json {
        print_json(&response.document)?;
    } else if done {
        print(&text(&response.document))?;
    } else {
        print(&format!("{}\n", visible(&response.trouble())))?;
    }
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn taken(_: &Value) -> String {
    "the gateway works on it; `mfa-gateway vendors list` says how far it is\n".to_owned()
}

fn table(document: &Value) -> String {
    let vendors = document["vendors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> =
        vendors.iter().flat_map(|vendor| all(&vendor["partners"]).map(move |one| (vendor, one))).collect();
    if rows.is_empty() {
        return "no vendor\n".to_owned();
    }
    let heads =
        ["VENDOR", "PARTNER", "CONSENT", "DUE", "CONSENTED", "REMOVED", "FAILED", "CALLS", "PURGED"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(heads).chain(rows.iter().map(|(vendor, one)| cells(vendor, one))).collect();
    let numbers = [false, false, false, true, true, true, true, false, false];
    let mut text = columns(&lines, numbers, "");
    for (vendor, one) in &rows {
        for remark in remarks(one) {
            text.extend(["\n", &of(&vendor["name"]), ", ", &of(&one["name"]), ": ", &remark, "\n"]);
        }
    }
    text
}

fn cells(vendor: &Value, one: &Value) -> [String; 9] {
    let count = |name: &str| one["customers"][name].as_i64().unwrap_or_default().to_string();
    let known = |value: &Value| if value.is_string() { of(value) } else { "unknown".to_owned() };
    let purged = if one["purge"].is_null() { "no".to_owned() } else { of(&one["purge"]["standing"]) };
    [
        of(&vendor["name"]),
        of(&one["name"]),
        of(&one["consentState"]),
        count("due"),
        count("consented"),
        count("removed"),
        count("failed"),
        known(&one["calls"]["manner"]),
        purged,
    ]
}

/// What an operator has to know of a partner.
fn remarks(one: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(|text| visible(text).into_owned());
    remarks.extend(text(&one["remedy"]));
    remarks.extend(text(&one["asked"]["trouble"]).map(|why| format!("nothing goes on ({why})")));
    let count = |name: &str| one["customers"][name].as_i64().unwrap_or_default();
    if count("existed") > 0 {
        remarks.push(format!("{} consents were there before, to which grants isn't known", count("existed")));
    }
    if count("otherGrants") > 0 {
        remarks.push(format!("{} have consented to other grants; run `vendors consent` again", count("otherGrants")));
    }
    for failure in all(&one["failures"]) {
        remarks.push(format!("{} {} failed ({})", of(&failure["customer"]), of(&failure["name"]), of(&failure["why"])));
    }
    remarks
}

fn all(list: &Value) -> std::slice::Iter<'_, Value> {
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn of(value: &Value) -> String {
    cell(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_how_far_a_partner_is_and_what_is_wrong() {
        let partner = json!({
            "name": "contoso", "consentState": "reconsent", "remedy": "Give it again.",
            "customers": {"due": 3, "consented": 990, "existed": 2, "otherGrants": 1, "removed": 0, "failed": 7},
            "failures": [{"customer": "4d3c", "name": "Alpine\u{1b}[2J", "why": "403 1111"}],
            "asked": {"trouble": "reconsent"}, "calls": {"manner": "password"}, "purge": {"standing": "contradicted"},
        });
        let text = table(&json!({"vendors": [{"name": "panel", "partners": [partner]}]}));
        let row = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row, "panel contoso reconsent 3 990 0 7 password contradicted");
        for told in
            ["panel, contoso: Give it again.", "nothing goes on (reconsent)", "2 consents", "1 have", "(403 1111)"]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(table(&json!({"vendors": []})), "no vendor\n");
    }
}
