//! The arguments. Every flag has an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

/// Lets a partner API be called only by users who completed MFA.
#[derive(Debug, Parser)]
#[command(name = "mfa-gateway", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serves traffic as a configuration file says.
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
    /// Tells what the gateway would decide about a token, step by step, and why.
    Explain(Explain),
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
    },
    /// Prints the version.
    Version,
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        #[arg(env = "MFA_GATEWAY_SHELL")]
        shell: Shell,
    },
    /// Prints the JSON Schema of the configuration file.
    Schema,
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The configuration file.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE")]
    pub(super) config: PathBuf,
    /// The file with the token; `-` is standard input. The token is never printed.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_TOKEN_FILE", value_name = "FILE", default_value = "-")]
    pub(super) token_file: PathBuf,
    /// The method of the request.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_METHOD", default_value = "GET")]
    pub(super) method: String,
    /// The path of the request.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_PATH", default_value = "/")]
    pub(super) path: String,
    /// A JWK Set file to verify with, instead of the issuer's live keys.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JWKS", value_name = "FILE")]
    pub(super) jwks: Option<PathBuf>,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_EXPLAIN_JSON")]
    pub(super) json: bool,
}
