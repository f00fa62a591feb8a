//! `consents`: lists the consents of a running gateway, has one given, tries it, or withdraws it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use serde_json::{Value, json};
use url::Url;

use super::come_back::{Desk, pasted};
use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::help;
use super::print::{print, print_json};
use super::running::{Response, Running};
use super::table::table as columns;
use crate::visible::visible;

#[derive(Debug, clap::Args)]
pub(super) struct Consents {
    /// The configuration file of the gateway.
    #[arg(
        long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG, global = true
    )]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_CONSENTS_JSON", value_parser = yes_or_no, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) action: Action,
}

// What an action is about has no variable: one that is left over would withdraw the wrong consent.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Lists the consents, and how each does.
    #[command(after_help = help::CONSENTS_LIST)]
    List,
    /// Has a person give a consent, in a browser and with MFA.
    #[command(after_help = help::CONSENTS_GIVE)]
    Give {
        /// The consent's name.
        name: String,
        /// The address that the identity provider sends the browser back to, as the client's registration has it. One with
        /// `http` is of loopback, and this command listens there.
        #[arg(long, value_name = "URL", default_value = "http://localhost:8400/")]
        redirect_uri: Url,
        /// Reads the address that the browser came back to from standard input, and listens nowhere: for a browser on another
        /// machine.
        #[arg(long)]
        paste: bool,
        /// How long the person may take.
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
        wait: Duration,
    },
    /// Uses a consent's refresh token, to see whether it works.
    #[command(after_help = help::CONSENTS_TRY)]
    Try {
        /// The consent's name.
        name: String,
    },
    /// Erases a consent's refresh token: programs get no token any more.
    #[command(after_help = help::CONSENTS_WITHDRAW)]
    Withdraw {
        /// The consent's name.
        name: String,
    },
}

/// Does what the action says. The exit code is 0 if the gateway did it, else 1.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn consents(args: Consents) -> anyhow::Result<ExitCode> {
    let Consents { config, running, json, action } = &args;
    match action {
        Action::List => tell(&running.get(config, "/consents", &[]).await?, *json, table),
        Action::Give { name, redirect_uri, paste, wait } => {
            let given = give((running, config), name, redirect_uri, *paste, *wait);
            tell(&given.await?, *json, given_as)
        }
        Action::Try { name } => {
            tell(&running.post(config, "/consents/try", &json!({"consent": name})).await?, *json, tried)
        }
        Action::Withdraw { name } => {
            let response = running.post(config, "/consents/withdraw", &json!({"consent": name})).await?;
            tell(&response, *json, |document| {
                let was = if document["withdrawn"] == json!(true) { "withdrawn" } else { "there was no refresh token" };
                format!("{was}\n")
            })
        }
    }
}

async fn give(
    (running, config): (&Running, &Path),
    name: &str,
    redirect_uri: &Url,
    paste: bool,
    wait: Duration,
) -> anyhow::Result<Response> {
    // Before the person is sent anywhere: the address may be in use.
    let desk = if paste { None } else { Some(Desk::open(redirect_uri).await?) };
    let begun =
        running.post(config, "/consents/begin", &json!({"consent": name, "redirect_uri": redirect_uri})).await?;
    if begun.status != 200 {
        return Ok(begun);
    }
    let (Some(url), Some(transaction)) = (begun.document["url"].as_str(), begun.document["transaction"].as_str())
    else {
        bail!("the gateway's response is not one of this version");
    };
    eprintln!(
        "Open this address in a browser, and sign in with the account that the program is to act for:\n\n{url}\n"
    );
    let callback = match desk {
        Some(desk) => desk.wait(wait).await?,
        None => pasted()?,
    };
    let question = json!({"consent": name, "transaction": transaction, "callback": callback});
    running.post(config, "/consents/finish", &question).await
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

fn table(document: &Value) -> String {
    let rows = document["consents"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return "no consent\n".to_owned();
    }
    let heads = ["NAME", "STATE", "MFA", "GIVEN BY", "GIVEN", "LAST USED", "LAPSES"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let mut text = columns(&lines, [false; 7], "");
    for row in rows {
        if let (Some(name), Some(remedy)) =
            (row["name"].as_str(), row["remedy"].as_str().filter(|text| !text.is_empty()))
        {
            text.extend(["\n", &visible(name), ": ", &visible(remedy), "\n"]);
        }
    }
    text
}

fn cells(row: &Value) -> [String; 7] {
    let text = |name: &str| visible(row[name].as_str().unwrap_or_default()).into_owned();
    let state = match row["why"].as_str().filter(|why| !why.is_empty()) {
        Some(why) => format!("{} ({})", text("state"), visible(why)),
        None => text("state"),
    };
    let mfa = if row["mfa"] == json!(true) { "yes" } else { "no" };
    let display = text("display");
    let user = if display.is_empty() { text("user") } else { display };
    [text("name"), state, mfa.to_owned(), user, text("given"), text("used"), text("lapses")]
}

fn given_as(document: &Value) -> String {
    let text = |name: &str| visible(document[name].as_str().unwrap_or_default()).into_owned();
    let mut told = format!("given by {} ({}) in the tenant {}\n", text("display"), text("user"), text("tenant"));
    for warning in document["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        told.extend(["warning: ", &visible(warning), "\n"]);
    }
    told
}

fn tried(document: &Value) -> String {
    let mfa = match document["mfa"].as_bool() {
        Some(true) => "with MFA",
        Some(false) => "WITHOUT MFA: what requires MFA refuses it",
        None => "which only its audience can read",
    };
    let expires = visible(document["expires"].as_str().unwrap_or_default()).into_owned();
    format!("the issuer gave an access token {mfa}; it expires at {expires}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_to_do() {
        let row = json!({
            "name": "nightly", "state": "reconsent_mfa", "why": "AADSTS50076", "remedy": "Give it again.", "mfa": true,
            "user": "u", "display": "ja\u{1b}[31mne", "given": "2026-11-29T01:00:00.000Z", "used": null, "lapses": null,
        });
        let text = table(&json!({"consents": [row]}));
        assert!(
            text.contains("reconsent_mfa (AADSTS50076)") && text.ends_with("\nnightly: Give it again.\n"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(table(&json!({"consents": []})), "no consent\n");
    }

    #[test]
    fn what_a_try_brought_is_told_apart() {
        let text = |mfa: Value| tried(&json!({"mfa": mfa, "expires": "2026-11-29T01:00:00.000Z"}));
        assert!(text(json!(true)).contains("with MFA;") && text(json!(false)).contains("WITHOUT MFA"));
        assert!(text(Value::Null).contains("only its audience"));
    }
}
