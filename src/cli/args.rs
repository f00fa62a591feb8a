//! The arguments. Every flag has an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::telemetry::LONG_VERSION;
use mfa_gateway_core::clock::Timestamp;

/// Lets only users who completed MFA call a partner API.
#[derive(Debug, Parser)]
#[command(name = "mfa-gateway", version = LONG_VERSION, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serves traffic according to a configuration file.
    Serve {
        /// The configuration file.
        #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE")]
        config: PathBuf,
    },
    /// Checks a configuration file and reports all its problems.
    Check {
        /// The configuration file.
        #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE")]
        config: PathBuf,
        /// Also fetches every issuer's keys and connects to every upstream.
        #[arg(long, env = "MFA_GATEWAY_CHECK_LIVE")]
        live: bool,
    },
    /// Explains step by step what the gateway would decide about a token.
    Explain(Explain),
    /// Decides recorded decisions again under another configuration, and lists the callers whose decision changes.
    Replay(Replay),
    /// Runs an identity provider, a sample API and the gateway between them.
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
        /// The gateway's admin address.
        #[arg(long, env = "MFA_GATEWAY_DEMO_ADMIN_ADDRESS", default_value = "127.0.0.1:9090")]
        admin_address: SocketAddr,
        /// Where the printed lines have the tokens from. A container prints them inline.
        #[arg(long, env = "MFA_GATEWAY_DEMO_TOKENS", value_enum, default_value_t = DemoTokens::Files)]
        tokens: DemoTokens,
    },
    /// Prints the version.
    Version,
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        #[arg(env = "MFA_GATEWAY_SHELL")]
        shell: Shell,
    },
    /// Prints a JSON Schema: of the configuration file, or of a log's lines.
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
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The configuration file.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE")]
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
    /// A JWK Set file to verify the token with, instead of the issuer's live keys.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JWKS", value_name = "FILE")]
    pub(super) jwks: Option<PathBuf>,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JSON")]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// The configuration to rehearse.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// A decision log (`log.decision_output`); `-` is standard input. Repeat the flag for several logs.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_LOG", value_name = "FILE", required = true)]
    pub(super) log: Vec<PathBuf>,
    /// The configuration that recorded the log. With it, replay can tell apart requests whose routes both
    /// configurations have.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_RECORDED_WITH", value_name = "FILE")]
    pub(super) recorded_with: Option<PathBuf>,
    /// Decides every request at this time (RFC 3339, UTC) instead of its own.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_AT", value_name = "TIME", value_parser = moment)]
    pub(super) at: Option<Timestamp>,
    /// The maximum number of callers listed as newly refused, and as newly permitted.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_TOP", value_name = "COUNT", default_value_t = 100)]
    pub(super) top: usize,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_REPLAY_JSON")]
    pub(super) json: bool,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("this is not a date and time in UTC (RFC 3339); write it as 2027-01-31T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_and_argument_has_a_variable_and_is_documented() {
        let page = include_str!("../../docs/commands.md");
        for command in Args::command().get_subcommands() {
            assert!(page.contains(&format!("| `{}", command.get_name())), "{}", command.get_name());
            for argument in command.get_arguments() {
                let name = argument.get_id();
                let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(variable.starts_with("MFA_GATEWAY_"), "{name}");
                let mut lines = page.lines().filter(|line| line.contains(&format!("`{variable}`")));
                let long = argument.get_long().map_or_else(|| "SHELL".to_owned(), |long| format!("--{long}"));
                let line = lines.next().unwrap_or_default();
                assert!(line.contains(&long), "{long}: {line}");
                for default in argument.get_default_values().iter().filter_map(|value| value.to_str()) {
                    assert!(line.contains(default), "{long}: {default}: {line}");
                }
            }
        }
    }
}
