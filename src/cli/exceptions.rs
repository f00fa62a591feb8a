//! `exceptions`: lists the technical exceptions of a running gateway, asks for one, and answers requests.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::exceptions_text::{detail, table};
use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::help;
use super::print::{print, print_json};
use super::running::{Response, Running, read_token};
use crate::visible::visible;

/// The largest file of evidence, in bytes.
const LARGEST: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Exceptions {
    /// The configuration file of the gateway.
    #[arg(
        long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG, global = true
    )]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_EXCEPTIONS_JSON", value_parser = yes_or_no, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) action: Action,
}

// What an action is about has no variable: one that is left over would be about another exception.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Lists exceptions: those of the configuration, then the others, newest request first.
    #[command(after_help = help::EXCEPTIONS_LIST)]
    List {
        /// Only those in this state.
        #[arg(long, value_enum)]
        state: Option<StateName>,
        /// The maximum number of exceptions, besides those of the configuration.
        #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Goes on after a page: what it ends with.
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Shows an exception with all its steps.
    #[command(after_help = help::EXCEPTIONS_SHOW)]
    Show {
        /// The exception's id.
        id: String,
    },
    /// Asks for an exception.
    #[command(after_help = help::EXCEPTIONS_REQUEST)]
    Request(Box<Request>),
    /// Grants a request of another person.
    #[command(after_help = help::EXCEPTIONS_STEP)]
    Approve(Step),
    /// Doesn't grant a request of another person.
    #[command(after_help = help::EXCEPTIONS_STEP)]
    Reject(Step),
    /// Takes an own request back.
    #[command(after_help = help::EXCEPTIONS_STEP)]
    Withdraw(Step),
    /// Ends an exception early, on every replica.
    #[command(after_help = help::EXCEPTIONS_STEP)]
    Revoke(Step),
}

/// A state to list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum StateName {
    Requested,
    Approved,
    Active,
    Rejected,
    Withdrawn,
    Revoked,
    Expired,
}

#[derive(Debug, clap::Args)]
pub(super) struct Step {
    /// The exception's id.
    id: String,
    /// The reason, for those who look at the steps later.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The version that was read: refuses the step if the exception has changed since.
    #[arg(long, value_name = "NUMBER")]
    version: Option<i64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Request {
    /// Why: `third_party_mfa` or `software_without_mfa`. The gateway has an answer for other words of the documents' list.
    #[arg(long, value_name = "GROUND")]
    ground: String,
    /// The person or team responsible for it.
    #[arg(long, value_name = "TEXT")]
    owner: String,
    /// The reason, in words.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// When it ends (RFC 3339, UTC): at most 30 days after it begins.
    #[arg(long, value_name = "TIME")]
    ends: String,
    /// When it begins. Without it: with the approval.
    #[arg(long, value_name = "TIME")]
    starts: Option<String>,
    /// The ticket that it belongs to.
    #[arg(long, value_name = "TEXT")]
    ticket: Option<String>,
    /// The client software that can't do MFA, with its version.
    #[arg(long, value_name = "TEXT")]
    software: Option<String>,
    /// The number of the purchase order of what will do MFA.
    #[arg(long, value_name = "TEXT")]
    purchase_order: Option<String>,
    /// The application that it is for.
    #[arg(long, value_name = "ID", required_unless_present = "user")]
    application: Option<String>,
    /// The user that it is for: `oid`, or `sub`.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// The tenant that it is for.
    #[arg(long, value_name = "TID")]
    tenant: Option<String>,
    /// The name of the issuer that it is for.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// A route that it is for, as the configuration writes it. Repeat the flag for several; without it: all.
    #[arg(long, value_name = "PATH")]
    route: Vec<String>,
    /// A file of evidence: `configuration=PATH`, `purchase_order=PATH`, `software=PATH` or `other=PATH`. Repeat the flag.
    #[arg(long, value_name = "KIND=PATH")]
    file: Vec<String>,
    /// The file of an access token of the account: the gateway attaches what it makes of it, and forgets it.
    #[arg(long, value_name = "FILE", requires = "explain_path")]
    explain_token_file: Option<PathBuf>,
    /// The path that the account calls.
    #[arg(long, value_name = "PATH", requires = "explain_token_file")]
    explain_path: Option<String>,
}

/// Lists, shows, asks or answers. The exit code is 0 if the gateway did it, else 1.
///
/// # Errors
///
/// If the gateway can't be asked, or a file can't be read.
pub(super) async fn exceptions(args: Exceptions) -> anyhow::Result<ExitCode> {
    let Exceptions { config, running, json, action } = &args;
    let response = match action {
        Action::List { state, limit, after } => {
            let state = state.and_then(|state| state.to_possible_value()).map(|value| value.get_name().to_owned());
            let given = [("state", state), ("after", after.clone()), ("limit", Some(limit.to_string()))];
            let query: Vec<_> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            return tell(&running.get(config, "/exceptions", &query).await?, *json, table);
        }
        Action::Show { id } => running.get(config, &path(id, ""), &[]).await?,
        Action::Request(request) => running.post(config, "/exceptions", &request.form()?).await?,
        Action::Approve(step) => made(running, config, step, "/approve").await?,
        Action::Reject(step) => made(running, config, step, "/reject").await?,
        Action::Withdraw(step) => made(running, config, step, "/withdraw").await?,
        Action::Revoke(step) => made(running, config, step, "/revoke").await?,
    };
    tell(&response, *json, detail)
}

async fn made(running: &Running, config: &Path, step: &Step, what: &str) -> anyhow::Result<Response> {
    let Step { id, reason, version } = step;
    running.post(config, &path(id, what), &json!({"reason": reason, "version": version})).await
}

/// An id as a part of a path: another text must not lead elsewhere.
fn path(id: &str, what: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
    format!("/exceptions/{}{what}", id.replace("%2D", "-").replace("%5F", "_"))
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

impl Request {
    fn form(&self) -> anyhow::Result<Value> {
        let mut form = json!({
            "ground": self.ground, "owner": self.owner, "reason": self.reason, "ends": self.ends,
            "files": self.file.iter().map(|given| evidence(given)).collect::<anyhow::Result<Vec<_>>>()?,
        });
        let texts = [
            ("starts", &self.starts),
            ("ticket", &self.ticket),
            ("software", &self.software),
            ("purchaseOrder", &self.purchase_order),
            ("application", &self.application),
            ("user", &self.user),
            ("tenant", &self.tenant),
            ("issuer", &self.issuer),
        ];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            form[name] = json!(text);
        }
        if !self.route.is_empty() {
            form["routes"] = json!(self.route);
        }
        if let Some((file, path)) = self.explain_token_file.as_ref().zip(self.explain_path.as_ref()) {
            form["explain"] = json!({"token": read_token(file)?, "path": path});
        }
        Ok(form)
    }
}

/// A file of evidence, from its kind and its path.
fn evidence(given: &str) -> anyhow::Result<Value> {
    let (kind, path) = given.split_once('=').with_context(|| format!("{given} is not KIND=PATH"))?;
    let (path, mut content) = (Path::new(path), Vec::new());
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut content));
    read.with_context(|| format!("{} can't be read", path.display()))?;
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    ensure!(size <= LARGEST, "{} is larger than 1 MiB", path.display());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(json!({"kind": kind, "name": name, "base64": STANDARD.encode(content)}))
}
