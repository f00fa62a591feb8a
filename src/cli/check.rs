//! `check`: validates a configuration, and with `--live` reaches what it names.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use super::print::print;
use crate::app::{Ambient, Assembled, Before, assemble};
use crate::config::{Config, Purpose};
use crate::visible::visible;
use mfa_gateway_core::chain;

/// Checks a configuration file.
///
/// # Errors
///
/// If it has problems.
pub(super) async fn check(path: &Path, live: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load_to(Purpose::Check, path)?;
    let counts = format!(
        "{}: valid; listeners: {}, key sources: {}, upstreams: {}, routes: {}",
        visible(&path.display().to_string()),
        config.server.listeners.len(),
        config.keys.len(),
        config.upstreams.len(),
        config.routes.len()
    );
    let mut text = format!("{counts}\n");
    for warning in &config.warnings {
        write!(text, "\n{warning}")?;
    }
    let mut good = true;
    if live {
        let assembled = assemble(&config, &Ambient::system(), Before::default())?;
        good = reach(&assembled, &mut text).await? & sign_ins(&config, &assembled, &mut text)?;
    }
    print(&text)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the issuers of sign-ins have what a sign-in needs. Their documents were fetched with their keys.
fn sign_ins(config: &Config, assembled: &Assembled, text: &mut String) -> anyhow::Result<bool> {
    let mut good = true;
    for sign_in in &config.sign_ins {
        let keys = config.issuers.get(sign_in.issuer).and_then(|issuer| config.keys.get(issuer.keys));
        let source = assembled.sources.iter().find(|source| keys.is_some_and(|keys| source.name() == keys.name));
        // Without a document, the issuer has failed already.
        let Some(metadata) = source.and_then(|source| source.metadata()) else { continue };
        match metadata.authorization_endpoint().and(metadata.token_endpoint()) {
            Ok(_) => writeln!(text, "pass  sign-in {}: {}", sign_in.name, metadata.issuer())?,
            Err(error) => {
                good = false;
                writeln!(text, "fail  sign-in {}: {}", sign_in.name, visible(&chain(&error)))?;
            }
        }
    }
    Ok(good)
}

async fn reach(assembled: &Assembled, text: &mut String) -> anyhow::Result<bool> {
    let mut good = true;
    for source in &assembled.sources {
        match source.refresh().await {
            Ok(_) => {
                let status = source.status();
                let (name, keys, skipped) = (source.name(), status.keys, status.skipped);
                writeln!(text, "pass  issuer {name}: {keys} keys, {} skipped", skipped.count())?;
                for reason in skipped.reasons() {
                    writeln!(text, "        skipped: {}", visible(&reason))?;
                }
            }
            Err(error) => {
                good = false;
                writeln!(text, "fail  issuer {}: {}", source.name(), visible(&chain(&error)))?;
            }
        }
    }
    for upstream in &assembled.live.upstreams {
        for (endpoint, result) in upstream.probe().await {
            let name = &upstream.settings().name;
            match result {
                Ok(()) => writeln!(text, "pass  upstream {name}: {endpoint}")?,
                Err(error) => {
                    good = false;
                    writeln!(text, "fail  upstream {name}: {endpoint}: {}", visible(&chain(&error)))?;
                }
            }
        }
    }
    Ok(good)
}
