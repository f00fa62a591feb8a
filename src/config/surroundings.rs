//! What stands around the process: what a valid configuration asks of this machine, and may not get.
//!
//! Serving would fail on it, or do without it, so `check` says it beforehand. Commands that decide about a token ask for
//! nothing of that.

use std::fs::symlink_metadata;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::Config;
use super::problem::Problems;
use crate::report::{AccountFile, read_list};
use crate::server::Address;
use crate::telemetry::Output;
use mfa_gateway_files::{can_append_to, can_keep};

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To decide about tokens: nothing is opened.
    Judge,
    /// To serve: the logs must be writable.
    Serve,
    /// To say what serving would meet here.
    Check,
}

/// Adds the problems that serving would have, and for a check also what it would do without.
pub(super) fn check(config: &Config, purpose: Purpose, problems: &mut Problems<'_>) {
    if purpose == Purpose::Judge {
        return;
    }
    for (field, output) in [
        ("log.decision_output", &config.journal.decisions),
        ("log.access_output", &config.journal.accesses),
        ("log.token_output", &config.journal.tokens),
    ] {
        if let Some(Output::File(path)) = output {
            log(field, path, problems);
        }
    }
    if purpose == Purpose::Check {
        if let Some(directory) = config.keys.iter().find_map(|keys| keys.state_directory.as_deref()) {
            state(directory, problems);
        }
        for (at, list) in config.account_files.iter().enumerate() {
            accounts(at, list, problems);
        }
        let listeners = config.server.listeners.iter().enumerate();
        let listeners = listeners.map(|(at, one)| (format!("listeners[{at}].address"), &one.address));
        let admin = config.admin.iter().map(|admin| ("admin.address".to_owned(), &admin.address));
        let authorizers = config.authorizers.iter().enumerate();
        let authorizers = authorizers.map(|(at, one)| (format!("authorizers[{at}].address"), &one.listener.address));
        for (field, address) in listeners.chain(admin).chain(authorizers) {
            listens(&field, address, problems);
        }
    }
}

fn log(field: &str, path: &Path, problems: &mut Problems<'_>) {
    let Err(error) = can_append_to(path) else { return };
    let message = format!("{} can't be opened: {error}", path.display());
    // A drive that hangs costs lines, and nothing else.
    if error.kind() == ErrorKind::TimedOut {
        problems.warn(field, message, "check the drive; lines are lost until it responds");
    } else {
        let fix = "let the gateway's user write the file and its directory, or name another file, `stdout` or `stderr`";
        problems.add(field, message, fix);
    }
}

/// The gateway serves without stored keys.
fn state(directory: &Path, problems: &mut Problems<'_>) {
    if let Err(error) = can_keep(directory) {
        let message = format!("no keys would be stored or read here: {error}");
        problems.warn("state.directory", message, "name a directory that only the gateway's user can write");
    }
}

/// A gateway serves without a list, and the report says why it has none.
fn accounts(at: usize, AccountFile { issuer, tenant, file }: &AccountFile, problems: &mut Problems<'_>) {
    if let Some(problem) = read_list(issuer, tenant, file).problem {
        let message = format!("no share of registered accounts would be reported: {problem}");
        problems.warn(&format!("report.accounts[{at}].file"), message, "export the list again, or name another file");
    }
}

/// A check may run on another machine, or beside the running gateway, so that neither is a problem.
fn listens(field: &str, address: &Address, problems: &mut Problems<'_>) {
    let address = match address {
        Address::Socket(address) => address,
        Address::Unix(path) => return listens_on_file(field, path, problems),
        Address::Passed(_) => return,
    };
    let error = std::net::TcpListener::bind(address).err().map(|error| error.kind());
    let (message, fix) = match error {
        Some(ErrorKind::AddrNotAvailable) => {
            ("this machine doesn't have the address", "write one that it has, or `0.0.0.0` for all")
        }
        Some(ErrorKind::PermissionDenied) => (
            "this user may not listen on the port",
            "choose a port above 1023, give the process CAP_NET_BIND_SERVICE, or pass a socket (`systemd:NAME`)",
        ),
        _ => return,
    };
    problems.warn(field, message, fix);
}

fn listens_on_file(field: &str, path: &Path, problems: &mut Problems<'_>) {
    let (message, fix) = match symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => {
            ("the file there is not a socket", "move it away, or write another path")
        }
        Err(_) if !path.parent().is_some_and(Path::is_dir) => (
            "its directory doesn't exist",
            "create it for the gateway's user, as `RuntimeDirectory=mfa-gateway` does in a systemd unit",
        ),
        _ => return,
    };
    problems.warn(field, message, fix);
}
