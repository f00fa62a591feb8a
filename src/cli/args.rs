//! The arguments. Every flag has an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::consents::Consents;
use super::exceptions::Exceptions;
use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::help;
use super::report::Report;
use super::rewrap::Rewrap;
use super::running::Running;
use super::sessions::Sessions;
use super::token::Token;
use super::vendors::Vendors;
use super::vendors_help;
use crate::telemetry::LONG_VERSION;
use mfa_gateway_core::clock::Timestamp;

/// Lets only users who completed MFA call a partner API.
#[derive(Debug, Parser)]
#[command(name = "mfa-gateway", version = LONG_VERSION, disable_help_subcommand = true, after_help = help::ALL)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serves traffic according to a configuration file.
    #[command(after_help = help::SERVE)]
    Serve {
        /// The configuration file.
        #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Checks a configuration file and reports all its problems.
    #[command(after_help = help::CHECK)]
    Check {
        /// The configuration file.
        #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
        /// Also fetches every issuer's keys and connects to every upstream.
        #[arg(long, env = "MFA_GATEWAY_CHECK_LIVE", value_parser = yes_or_no)]
        live: bool,
    },
    /// Explains step by step what the gateway would decide about a token.
    #[command(after_help = help::EXPLAIN)]
    Explain(Explain),
    /// Decides recorded decisions again under another configuration, and lists the callers whose decision changes.
    #[command(after_help = help::REPLAY)]
    Replay(Replay),
    /// Reports which share of the requests of users came with MFA: of a running gateway, or from decision logs.
    #[command(after_help = help::REPORT)]
    Report(Report),
    /// Runs an identity provider, a sample API and the gateway between them.
    #[command(after_help = help::DEMO)]
    Demo {
        /// The gateway's address. Port 0 takes a free one, here and below.
        #[arg(long, env = "MFA_GATEWAY_DEMO_ADDRESS", default_value = "127.0.0.1:8080")]
        address: SocketAddr,
        /// The identity provider's address; loopback only.
        #[arg(long, env = "MFA_GATEWAY_DEMO_ISSUER_ADDRESS", default_value = "127.0.0.1:8081")]
        issuer_address: SocketAddr,
        /// The sample API's address; loopback only.
        #[arg(long, env = "MFA_GATEWAY_DEMO_API_ADDRESS", default_value = "127.0.0.1:8082")]
        api_address: SocketAddr,
        /// The address of the portal's server; loopback only. Browsers open the portal at the gateway.
        #[arg(long, env = "MFA_GATEWAY_DEMO_PORTAL_ADDRESS", default_value = "127.0.0.1:8083")]
        portal_address: SocketAddr,
        /// The gateway's admin address.
        #[arg(long, env = "MFA_GATEWAY_DEMO_ADMIN_ADDRESS", default_value = "127.0.0.1:9090")]
        admin_address: SocketAddr,
        /// Where the printed lines have the tokens from. A container prints them inline.
        #[arg(long, env = "MFA_GATEWAY_DEMO_TOKENS", value_enum, default_value_t = DemoTokens::Files)]
        tokens: DemoTokens,
    },
    /// Asks a running gateway on this host whether it is ready.
    #[command(after_help = help::HEALTHCHECK)]
    Healthcheck(Healthcheck),
    /// Lists the sessions of people at a running gateway, shows one, or ends some.
    #[command(after_help = help::SESSIONS)]
    Sessions(Sessions),
    /// Lists the consents of a running gateway, has one given, tries it, or withdraws it.
    #[command(after_help = help::CONSENTS, alias = "consent")]
    Consents(Consents),
    /// Prints an access token of a consent, for a program that asks as itself.
    #[command(after_help = help::TOKEN)]
    Token(Box<Token>),
    /// Has the first of `consent_keys` seal every consent of a running gateway, so that an older key's file may go.
    #[command(after_help = help::REWRAP)]
    Rewrap(Rewrap),
    /// Lists the control panel vendors of a running gateway, and has their partners' customers consent.
    #[command(after_help = vendors_help::VENDORS)]
    Vendors(Vendors),
    /// Lists the technical exceptions of a running gateway, asks for one, and answers requests.
    #[command(after_help = help::EXCEPTIONS)]
    Exceptions(Exceptions),
    /// Prints the version, and the commit that the program is built from.
    #[command(after_help = help::VERSION)]
    Version,
    /// Prints a completion script for a shell.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(env = "MFA_GATEWAY_SHELL")]
        shell: Shell,
    },
    /// Prints a manual page, or writes all of them.
    #[command(after_help = help::MAN)]
    Man {
        /// The command that the page is about. Without it: the program.
        #[arg(env = "MFA_GATEWAY_MAN_COMMAND")]
        command: Option<String>,
        /// Writes every page into this folder instead.
        #[arg(long, env = "MFA_GATEWAY_MAN_OUT", value_name = "FOLDER", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
    /// Prints a JSON Schema: of the configuration file, or of a log's lines.
    #[command(after_help = help::SCHEMA)]
    Schema {
        /// The document that the schema describes.
        #[arg(long, env = "MFA_GATEWAY_SCHEMA_OF", value_enum, default_value_t = SchemaOf::Configuration)]
        of: SchemaOf,
    },
}

/// Where the demo's lines have the tokens from.
#[derive(Clone, Copy, Debug, ValueEnum, PartialEq, Eq)]
pub(super) enum DemoTokens {
    /// Temporary files, which end with the demo.
    Files,
    /// The lines themselves, for a shell that doesn't see the demo's files.
    Inline,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaOf {
    Configuration,
    DecisionLog,
    AccessLog,
    TokenLog,
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The configuration file.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// The file that contains the token; `-` is standard input. The command never prints the token.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_TOKEN_FILE", value_name = "FILE", default_value = "-")]
    pub(super) token_file: PathBuf,
    /// The method of the request.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_METHOD", default_value = "GET")]
    pub(super) method: String,
    /// The path of the request.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_PATH", default_value = "/")]
    pub(super) path: String,
    /// The host of the request. It matters only if routes name hosts.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_HOST", default_value = "", hide_default_value = true)]
    pub(super) host: String,
    /// A JWK Set file to verify the token with, instead of the issuer's live keys.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JWKS", value_name = "FILE")]
    pub(super) jwks: Option<PathBuf>,
    /// The id of a session to explain instead of a token. A running gateway is asked, as an operator.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_SESSION", value_name = "ID", conflicts_with_all = ["jwks"])]
    pub(super) session: Option<String>,
    #[command(flatten)]
    pub(super) running: Running,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JSON", value_parser = yes_or_no)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// The configuration to rehearse.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// A decision log (`log.decision_output`); `-` is standard input. Repeat the flag for several logs.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_LOG", value_name = "FILE", required = true)]
    pub(super) log: Vec<PathBuf>,
    /// The configuration that recorded the log. Only logs of older versions need it, and those of very many routes below
    /// one prefix.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_RECORDED_WITH", value_name = "FILE")]
    pub(super) recorded_with: Option<PathBuf>,
    /// Decides every request at this time (RFC 3339, UTC) instead of its own.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_AT", value_name = "TIME", value_parser = moment)]
    pub(super) at: Option<Timestamp>,
    /// The maximum number of callers listed as newly refused, and as newly permitted.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_TOP", value_name = "COUNT", default_value_t = 100)]
    pub(super) top: usize,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_JSON", value_parser = yes_or_no)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Healthcheck {
    /// The configuration file of the gateway.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    /// Asks whether the process runs (`/livez`), not whether it is ready (`/readyz`).
    #[arg(long, env = "MFA_GATEWAY_HEALTHCHECK_LIVE", value_parser = yes_or_no)]
    pub(super) live: bool,
    /// Asks at this address, whatever a configuration says.
    #[arg(long, env = "MFA_GATEWAY_HEALTHCHECK_ADDRESS")]
    pub(super) address: Option<SocketAddr>,
    /// With `--address`: asks over TLS.
    #[arg(long, env = "MFA_GATEWAY_HEALTHCHECK_TLS", value_parser = yes_or_no)]
    pub(super) tls: bool,
    /// How long the response may take.
    #[arg(
        long, env = "MFA_GATEWAY_HEALTHCHECK_TIMEOUT", value_name = "DURATION", default_value = "3s",
        value_parser = humantime::parse_duration
    )]
    pub(super) timeout: Duration,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("this is not a date and time in UTC (RFC 3339); write it as 2027-01-31T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const PAGE: &str = include_str!("../../docs/commands.md");

    #[test]
    fn every_command_and_argument_has_a_variable_and_is_documented() {
        let mut variables = Vec::new();
        for command in Args::command().get_subcommands() {
            assert!(PAGE.contains(&format!("| `{}", command.get_name())), "{}", command.get_name());
            for argument in command.get_arguments() {
                let name = argument.get_id();
                let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(variable.starts_with("MFA_GATEWAY_"), "{name}");
                variables.push(variable.to_owned());
                let mut lines = PAGE.lines().filter(|line| line.contains(&format!("`{variable}`")));
                let long = argument.get_long().map_or_else(|| name.as_str().to_uppercase(), |long| format!("--{long}"));
                let line = lines.next().unwrap_or_default();
                assert!(line.contains(&long), "{long}: {line}");
                for default in argument.get_default_values().iter().filter_map(|value| value.to_str()) {
                    assert!(line.contains(default), "{long}: {default}: {line}");
                }
            }
        }
        // And nothing is documented that isn't there.
        for word in PAGE.split('`').filter(|word| word.starts_with("MFA_GATEWAY_")) {
            assert!(variables.iter().any(|known| known == word), "{word}");
        }
    }

    #[test]
    fn the_help_of_a_command_has_examples_that_work_and_the_documented_exit_codes() {
        for command in Args::command().get_subcommands() {
            let (name, help) =
                (command.get_name(), command.get_after_help().map(ToString::to_string).unwrap_or_default());
            let (examples, codes) = help.split_once("Exit codes:").unwrap_or_else(|| panic!("{name}"));
            let examples = examples.lines().filter(|line| line.starts_with("  mfa-gateway"));
            for example in examples.clone() {
                assert!(example.contains(name), "{example}");
                if let Err(error) = Args::try_parse_from(example.split_whitespace()) {
                    panic!("{example}: {error}");
                }
            }
            assert!(examples.count() > 0, "{name}");
            let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{name}"))).unwrap();
            let documented = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            for code in codes.lines().filter_map(|line| line.trim_start().split("  ").next()?.parse::<u8>().ok()) {
                // 2 is a wrong command line everywhere.
                assert!(code == 2 || documented.contains(&code.to_string()), "{name}: {code}: {documented}");
            }
        }
    }

    #[test]
    fn a_flags_variable_takes_what_people_write() {
        for (yes, no) in [("1", "0"), ("true", "false"), ("YES", "no"), ("On", "off"), ("True", "")] {
            assert_eq!((yes_or_no(yes), yes_or_no(no)), (Ok(true), Ok(false)));
        }
        assert!(yes_or_no("2").is_err() && yes_or_no("maybe").is_err());
    }
}
