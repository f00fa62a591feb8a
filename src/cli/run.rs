//! Running a command.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use super::args::{Args, Command, DemoTokens, SchemaOf};
use super::print::{print, print_json, write};
use super::{check, consents, exceptions, explain, healthcheck, man, replay, report, rewrap, sessions, token, vendors};
use crate::app::{
    App, PassedSockets, Signals, Watched, keep_watchdog, ready, reload_on_change, shutdown_signal, starting, stopping,
    tell_warnings,
};
use crate::config::{self, Config, Purpose};
use crate::server::Workers;
use crate::visible::{visible, visible_lines};
use crate::{demo, journal, telemetry};
use mfa_gateway_core::clock::Clock;
use mfa_gateway_core::random::Random;

/// Reads the arguments and runs the command. 0 means success, 1 a refusal or failed check, 2 a wrong use.
#[must_use]
pub fn run() -> ExitCode {
    let args = Args::parse();
    let result = execute(args);
    telemetry::flush_log();
    result.unwrap_or_else(|error| {
        report(&error);
        ExitCode::FAILURE
    })
}

/// Reports the error. A configuration error is a text of many lines, made to be read as it is. A log of JSON lines has
/// nothing else in it.
fn report(error: &anyhow::Error) {
    if telemetry::json_log().is_some() {
        tracing::error!(error = format!("{error:#}"), "the gateway ends with an error");
        return telemetry::flush_log();
    }
    let _ = match error.downcast_ref::<config::ConfigError>() {
        Some(error) => writeln!(std::io::stderr(), "{}", visible_lines(&error.to_string())),
        None => writeln!(std::io::stderr(), "error: {}", visible(&format!("{error:#}"))),
    };
}

fn execute(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve { config } => {
            let passed = PassedSockets::from_environment()?;
            serve(&config, &passed)
        }
        Command::Check { config, live } => block_on(check::check(&config, live)),
        Command::Explain(explain) => Ok(judged(block_on(explain::explain(explain)))),
        Command::Replay(replay) => Ok(judged(replay::replay(&replay))),
        Command::Report(report) => Ok(judged(block_on(report::report(report)))),
        Command::Demo { address, issuer_address, api_address, portal_address, admin_address, tokens } => {
            let addresses = demo::Addresses {
                gateway: address,
                issuer: issuer_address,
                api: api_address,
                portal: portal_address,
                admin: admin_address,
            };
            block_on(async {
                Box::pin(demo::run(addresses, tokens == DemoTokens::Inline)).await.map(|()| ExitCode::SUCCESS)
            })
        }
        Command::Healthcheck(healthcheck) => block_on(healthcheck::healthcheck(&healthcheck)),
        Command::Consents(consents) => block_on(consents::consents(consents)),
        Command::Token(token) => block_on(token::token(*token)),
        Command::Vendors(vendors) => block_on(vendors::vendors(vendors)),
        Command::Rewrap(rewrap) => block_on(rewrap::rewrap(rewrap)),
        Command::Sessions(sessions) => block_on(sessions::sessions(sessions)),
        Command::Exceptions(exceptions) => block_on(exceptions::exceptions(exceptions)),
        Command::Man { out: Some(folder), .. } => man::write_all(&folder),
        Command::Man { command, out: None } => man::print(command.as_deref()),
        Command::Version => print(&format!("mfa-gateway {}\n", telemetry::LONG_VERSION)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "mfa-gateway", &mut script);
            write(&String::from_utf8_lossy(&script))
        }
        Command::Schema { of } => {
            let schema = match of {
                SchemaOf::Configuration => config::schema(),
                SchemaOf::DecisionLog => journal::decision_log_schema(),
                SchemaOf::AccessLog => journal::access_log_schema(),
                SchemaOf::TokenLog => journal::token_log_schema(),
            };
            print_json(&schema)
        }
    }
}

/// Exit code 1 means that a request would be refused, so unusable input has another code.
fn judged(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        report(&error);
        ExitCode::from(2)
    })
}

fn serve(path: &Path, passed: &PassedSockets) -> anyhow::Result<ExitCode> {
    let config = Config::load_to(Purpose::Serve, path)?;
    run_on(&mut Workers::runtime(), serve_with(config, path, passed))
}

async fn serve_with(config: Config, path: &Path, passed: &PassedSockets) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install().context("signal handlers could not be installed")?;
    telemetry::start_log(&config.log).context("the diagnostics log could not be started")?;
    raise_file_limit();
    let watched = Watched::new(path, &config);
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = config.server.threads.unwrap_or_else(cores);
    starting(path, threads);
    tell_warnings(&config);
    let workers = Workers::start(threads)?;
    let app = Arc::new(App::start_with(config, Clock::system(), Random::system(), passed, workers).await?);
    ready();
    tokio::spawn(keep_watchdog());
    tokio::select! {
        result = shutdown_signal() => result,
        result = reload_on_change(&app, watched, &mut signals) => result,
    }
    .context("signals or reloads could not be handled")?;
    stopping();
    app.finish().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes as many file descriptors as the system gives: the soft limit that processes start with is often 1024, and a
/// proxied request needs two.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "file descriptors"),
        Err(error) => tracing::warn!(%error, "the file descriptor limit could not be raised"),
    }
}

fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    run_on(tokio::runtime::Builder::new_multi_thread().enable_all(), command)
}

fn run_on(
    runtime: &mut tokio::runtime::Builder,
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = runtime.build().context("the runtime could not be started")?;
    let result = runtime.block_on(command);
    // A name server or a drive that hangs must not keep the process from ending.
    runtime.shutdown_background();
    result
}
