//! Where the gateway stores what it must not forget.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::file;
use super::problem::Problems;
use super::values::time;
use crate::session::{SessionSettings, SignInSettings};
use mfa_gateway_store::{Kind, PostgresSettings, StoreSettings};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

const FIX: &str = "write `postgres://USER@HOST/DATABASE`, and the password into `password_file`";

const DURABLE: &str = "add `state: { directory: /var/lib/mfa-gateway }`, or `store` with Postgres";

/// The settings of the store, if something is stored.
pub(super) fn build(file: &file::File, problems: &mut Problems<'_>) -> Option<StoreSettings> {
    let store = file.store.clone().unwrap_or_default();
    let timeout = time("store.timeout", store.timeout.as_deref(), SECOND * 2, SECOND / 10..=MINUTE, problems);
    let kind = kind(file, &store, problems);
    let others = file.report.is_some() || file.exception_requests.is_some() || !file.consents.is_empty();
    let others = others || file.security_events.is_some();
    if file.sign_in.is_empty() && !others {
        if file.store.is_some() {
            let message = "there is no `sign_in`, `report`, `consents`, `security_events` or `exception_requests`, so nothing is stored";
            problems.warn("store", message, "remove `store`, or add one of them");
        }
        return None;
    }
    if file.exception_requests.is_some() && matches!(kind, Some(Kind::Memory)) {
        let message = "requests and granted exceptions are kept in memory, so that they end with the process";
        problems.warn("exception_requests", message, DURABLE);
    }
    if file.security_events.is_some() && matches!(kind, Some(Kind::Memory)) {
        let message = "revocations are kept in memory, so that revoked tokens are accepted again after a restart";
        problems.warn("security_events", message, DURABLE);
    }
    Some(StoreSettings { kind: kind?, timeout })
}

/// How long what was read from the store is believed while it can't be reached.
pub(super) fn outage(file: &file::File, problems: &mut Problems<'_>) -> Duration {
    let outage = file.store.as_ref().and_then(|store| store.outage.as_deref());
    time("store.outage", outage, MINUTE * 10, SECOND..=MINUTE * 60 * 24, problems)
}

/// The settings that all sign-ins share; none if there is no sign-in.
pub(super) fn sessions(
    file: &file::File,
    store: Option<&StoreSettings>,
    (sign_ins, outage): (&[SignInSettings], Duration),
    problems: &mut Problems<'_>,
) -> Option<SessionSettings> {
    let kind = &store.filter(|_| !file.sign_in.is_empty())?.kind;
    for (at, sign_in) in file.sign_in.iter().enumerate().filter(|(_, sign_in)| sign_in.session.keys.is_none()) {
        without_keys(at, sign_in, matches!(kind, Kind::Postgres(_)), problems);
    }
    if matches!(kind, Kind::Memory) {
        let message = "sessions are kept in memory, so that they end with the process";
        problems.warn("sign_in", message, DURABLE);
    }
    let shortest_idle = sign_ins.iter().map(|sign_in| sign_in.times.idle).min().unwrap_or(MINUTE);
    Some(SessionSettings { outage, shortest_idle })
}

fn without_keys(at: usize, sign_in: &file::SignIn, postgres: bool, problems: &mut Problems<'_>) {
    let field = format!("sign_in[{at}].session.keys");
    let fix = "make a key with `openssl rand -base64 32 > session.key`, and name the file: `keys: [session.key]`";
    if postgres {
        problems.add(&field, "replicas that share sessions need the same keys, and none is named", fix);
    } else {
        let message =
            format!("`{}` seals cookies with a random key, so that sessions end with the process", sign_in.name);
        problems.warn(&field, message, fix);
    }
}

fn kind(file: &file::File, store: &file::Store, problems: &mut Problems<'_>) -> Option<Kind> {
    let Some(address) = &store.postgres else {
        let of_postgres = [
            ("password_file", store.password_file.is_some()),
            ("ca_file", store.ca_file.is_some()),
            ("schema", store.schema.is_some()),
            ("connections", store.connections.is_some()),
        ];
        for (field, _) in of_postgres.into_iter().filter(|(_, is_set)| *is_set) {
            let message = "this is for a Postgres database, and none is named";
            problems.add(
                &format!("store.{field}"),
                message,
                "add `postgres: postgres://user@host/database`, or remove it",
            );
        }
        return Some(match &file.state {
            Some(state) => Kind::Sqlite { directory: PathBuf::from(&state.directory) },
            None => Kind::Memory,
        });
    };
    let Ok(url) = Url::parse(address) else {
        problems.add("store.postgres", "this is not a URL", FIX);
        return None;
    };
    // The configuration is shown to operators, and holds no secrets.
    if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
        problems.add("store.postgres", "the address contains the password", FIX);
        return None;
    }
    let settings = PostgresSettings {
        url,
        password_file: store.password_file.as_ref().map(PathBuf::from),
        ca_file: store.ca_file.as_ref().map(PathBuf::from),
        max_connections: store.connections.map_or(8, |count| usize::try_from(count).unwrap_or(usize::MAX)),
        schema: store.schema.clone(),
    };
    if let Err(message) = settings.check() {
        problems.add("store", message, FIX);
        return None;
    }
    if !settings.is_verified() {
        let message = "the database's certificate isn't verified, so that others on the network could read sessions";
        problems.warn("store.postgres", message, "remove `sslmode`, and name the authority in `ca_file`");
    }
    Some(Kind::Postgres(settings))
}
