//! How long sessions and sign-ins last, and how many there may be.

use std::time::Duration;

use crate::config::file;
use crate::config::problem::Problems;
use crate::config::values::time;
use crate::session::{MAX_ABSOLUTE, MAX_PER_USER, Times};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Reads the times of a sign-in. `forwards` says whether a route of it forwards the access token.
pub(super) fn read(path: &str, file: &file::SignIn, forwards: bool, problems: &mut Problems<'_>) -> Times {
    let session = &file.session;
    let absolute = time(
        &format!("{path}.session.absolute"),
        session.absolute.as_deref(),
        HOUR * 12,
        SECOND..=MAX_ABSOLUTE,
        problems,
    );
    let field = format!("{path}.session.idle");
    let idle = time(&field, session.idle.as_deref(), HOUR.min(absolute), SECOND..=MAX_ABSOLUTE, problems);
    if idle > absolute {
        problems.add(&field, "the session would end before it is idle for so long", "write at most `absolute`");
    }
    if session.per_user.is_some_and(|most| !(1..=MAX_PER_USER).contains(&most)) {
        let fix = format!("write 1 to {MAX_PER_USER}, or remove the field");
        problems.add(&format!("{path}.session.per_user"), "this number of sessions is not possible", fix);
    }
    let transaction = format!("{path}.transaction");
    Times {
        idle,
        absolute,
        transaction: time(&transaction, file.transaction.as_deref(), MINUTE * 10, SECOND..=HOUR, problems),
        refresh: refresh(path, session.refresh.as_ref(), forwards, problems),
        per_user: session.per_user,
    }
}

fn refresh(path: &str, file: Option<&file::Refresh>, forwards: bool, problems: &mut Problems<'_>) -> Option<Duration> {
    let field = format!("{path}.session.refresh");
    match file {
        None => forwards.then_some(MINUTE),
        Some(file::Refresh::Word(file::RefreshWord::Off)) => {
            if forwards {
                let message = "a route forwards the access token, which expires before the session";
                problems.warn(&field, message, "write `refresh: { margin: 1m }`, or let no route forward the token");
            }
            None
        }
        Some(file::Refresh::Before(before)) => {
            let field = format!("{field}.margin");
            Some(time(&field, Some(&before.margin), MINUTE, SECOND..=HOUR, problems))
        }
    }
}
