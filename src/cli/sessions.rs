//! `sessions`: lists the sessions of a running gateway, shows one, and ends some.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Subcommand};
use serde_json::{Value, json};

use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::help;
use super::print::{print, print_json};
use super::running::{Response, Running};
use super::table::table as columns;
use crate::visible::visible;

#[derive(Debug, clap::Args)]
pub(super) struct Sessions {
    /// The configuration file of the gateway.
    #[arg(
        long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG, global = true
    )]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_SESSIONS_JSON", value_parser = yes_or_no, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) action: Action,
}

// What an action is about has no variable: one that is left over would end the wrong sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Lists sessions, newest first.
    #[command(after_help = help::SESSIONS_LIST)]
    List {
        #[command(flatten)]
        of: Of,
        /// Only those of this sign-in.
        #[arg(long, value_name = "NAME")]
        sign_in: Option<String>,
        /// Also those that have ended or expired, as long as the store keeps them.
        #[arg(long)]
        ended: bool,
        /// The maximum number of sessions.
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Goes on after a page: what it ends with.
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Shows a session.
    #[command(after_help = help::SESSIONS_SHOW)]
    Show {
        /// The session's id.
        id: String,
    },
    /// Ends sessions, on every replica: one, a user's, or all.
    #[command(after_help = help::SESSIONS_END)]
    #[command(group(ArgGroup::new("whose").required(true).args(["id", "user", "subject", "all"])))]
    End {
        /// The session's id.
        id: Option<String>,
        #[command(flatten)]
        of: Of,
        /// Every session.
        #[arg(long, conflicts_with_all = ["issuer", "tenant"])]
        all: bool,
    },
}

/// Whose sessions.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// Those of this user: `oid`, or `sub`.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Those of this `sub`.
    #[arg(long, value_name = "SUB")]
    subject: Option<String>,
    /// Those of this issuer (`iss`).
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
    /// Those of this tenant (`tid`).
    #[arg(long, value_name = "TID")]
    tenant: Option<String>,
}

/// Lists, shows or ends sessions. The exit code is 0 if the gateway did it, else 1.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn sessions(args: Sessions) -> anyhow::Result<ExitCode> {
    let Sessions { config, running, json, action } = &args;
    match action {
        Action::List { .. } => tell(&running.get(config, "/sessions", &query(action)).await?, *json, table),
        Action::Show { id } => {
            let path = format!("/sessions/{}", segment(id));
            tell(&running.get(config, &path, &[]).await?, *json, detail)
        }
        Action::End { id, of, all } => {
            tell(&end(running, config, id.as_deref(), of, *all).await?, *json, |document| Ok(ended(document)))
        }
    }
}

fn tell(
    response: &Response,
    json: bool,
    text: impl Fn(&Value) -> Result<String, std::fmt::Error>,
) -> anyhow::Result<ExitCode> {
    let done = response.status == 200;
    if json {
        print_json(&response.document)?;
    } else if done {
        print(&text(&response.document)?)?;
    } else {
        print(&format!("{}\n", visible(&response.trouble())))?;
    }
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn query(action: &Action) -> Vec<(&'static str, String)> {
    let Action::List { of, sign_in, ended, limit, after } = action else { return Vec::new() };
    let given = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let mut query: Vec<_> = [
        given("user", &of.user),
        given("subject", &of.subject),
        given("issuer", &of.issuer),
        given("tenant", &of.tenant),
        given("sign_in", sign_in),
        given("after", after),
        ended.then(|| ("ended", "true".to_owned())),
    ]
    .into_iter()
    .flatten()
    .collect();
    query.push(("limit", limit.to_string()));
    query
}

/// An id as a part of a path: another text must not lead elsewhere.
fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%5F", "_")
}

async fn end(running: &Running, config: &Path, id: Option<&str>, of: &Of, all: bool) -> anyhow::Result<Response> {
    let question = match (id, &of.user, &of.subject) {
        _ if all => json!({"all": true}),
        (Some(id), ..) => json!({"id": id}),
        (_, Some(user), _) => {
            let mut question = json!({"user": user});
            for (name, value) in [("issuer", &of.issuer), ("tenant", &of.tenant)] {
                if let Some(value) = value {
                    question[name] = json!(value);
                }
            }
            question
        }
        (_, _, subject) => json!({"subject": subject, "issuer": of.issuer}),
    };
    running.post(config, "/sessions/end", &question).await
}

fn table(document: &Value) -> Result<String, std::fmt::Error> {
    let rows = document["sessions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return Ok("no session\n".to_owned());
    }
    let cells = rows.iter().map(cells);
    let heads = ["ID", "SIGN-IN", "USER", "MFA", "BEGAN", "LAST USED", "STANDING"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(heads).chain(cells).collect();
    let mut text = columns(&lines, [false; 7], "");
    if let Some(next) = document["next"].as_str() {
        writeln!(text, "\nthere may be more: --after {}", visible(next))?;
    }
    Ok(text)
}

fn cells(row: &Value) -> [String; 7] {
    let text = |name: &str| visible(row[name].as_str().unwrap_or_default()).into_owned();
    let user = row["name"].as_str().map_or_else(|| text("user"), |name| visible(name).into_owned());
    let mfa = if row["mfa"] == json!(true) { "yes" } else { "no" };
    [text("id"), text("signIn"), user, mfa.to_owned(), text("created"), text("lastSeen"), standing(row)]
}

fn standing(row: &Value) -> String {
    let standing = visible(row["standing"].as_str().unwrap_or_default()).into_owned();
    match row["ended"]["why"].as_str() {
        Some(why) => format!("{standing} ({})", visible(why)),
        None => standing,
    }
}

fn detail(document: &Value) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let members = [
        ("id", "id"),
        ("signIn", "sign-in"),
        ("issuer", "issuer"),
        ("tenant", "tenant"),
        ("user", "user"),
        ("subject", "subject"),
        ("name", "name"),
        ("created", "began"),
        ("lastSeen", "last used"),
        ("expires", "ends"),
    ];
    for (member, label) in members {
        if let Some(value) = document[member].as_str() {
            writeln!(text, "{label:<10} {}", visible(value))?;
        }
    }
    writeln!(text, "{:<10} {}", "MFA", if document["mfa"] == json!(true) { "yes" } else { "no" })?;
    writeln!(text, "{:<10} {}", "refreshes", document["refreshes"])?;
    writeln!(text, "{:<10} {}", "standing", standing(document))?;
    if let Some(at) = document["ended"]["at"].as_str() {
        writeln!(text, "{:<10} {}", "ended", visible(at))?;
    }
    Ok(text)
}

fn ended(document: &Value) -> String {
    let count = document["ended"].as_u64().unwrap_or_default();
    format!("{count} session{} ended\n", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Args, Command};

    fn read(line: &str) -> Result<Action, clap::Error> {
        let args = Args::try_parse_from(["mfa-gateway", "sessions"].into_iter().chain(line.split_whitespace()))?;
        match args.command {
            Command::Sessions(sessions) => Ok(sessions.action),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn an_end_says_whose_exactly_once() {
        for line in
            ["end abc", "end --user u", "end --user u --issuer i --tenant t", "end --subject s --issuer i", "end --all"]
        {
            assert!(read(line).is_ok(), "{line}");
        }
        for line in
            ["end", "end abc --all", "end --user u --subject s", "end --issuer i", "end --all --tenant t", "end a b"]
        {
            assert!(read(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_id_is_one_segment_of_a_path_whatever_it_holds() {
        assert_eq!(segment("aB-_9"), "aB-_9");
        assert_eq!(segment("../end?x"), "%2E%2E%2Fend%3Fx");
    }

    #[test]
    fn a_list_is_a_table_that_a_terminal_can_show() {
        let row = json!({
            "id": "AAAAAAAAAAAAAAAAAAAAAA", "signIn": "portal", "user": "u", "name": "ja\u{1b}[31mne", "mfa": true,
            "created": "2026-11-29T01:00:00Z", "lastSeen": "2026-11-29T02:00:00Z", "standing": "ended",
            "ended": {"at": "2026-11-29T02:00:00Z", "why": "sign_out"},
        });
        let text = table(&json!({"sessions": [row], "next": "1.a"})).unwrap();
        assert!(text.starts_with("ID ") && text.contains("ended (sign_out)") && text.contains("--after 1.a"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(table(&json!({"sessions": [], "next": null})).unwrap(), "no session\n");
    }
}
