//! The page that decides recorded decisions again, under another configuration: who would notice.

use std::sync::{Arc, LazyLock};

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::frame::{Frame, Tab};
use super::rehearsal::{Rehearsed, Wanted, own_log};
use super::upload::{NotTaken, Upload};
use super::who::Who;
use crate::admin::context::Admin;
use crate::config::Config;
use crate::pages::short;
use crate::replay::{Changes, Conclusion};

const PATH: &str = "/site/replay";

/// A log takes memory while it is decided again, so that one is at a time.
static TURN: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

#[derive(Default, Serialize)]
struct Replay {
    own_log: Option<String>,
    trouble: Option<String>,
    result: Option<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    kind: &'static str,
    words: &'static str,
    figures: Vec<(&'static str, u64)>,
    gaps: Vec<Gap>,
    changes: [Table; 2],
    malformed: Vec<String>,
    assumed: Option<String>,
    is_cut: bool,
}

#[derive(Serialize)]
struct Gap {
    count: Option<u64>,
    text: &'static str,
    fix: &'static str,
}

#[derive(Serialize)]
struct Table {
    id: &'static str,
    title: &'static str,
    count: u64,
    not_listed: u64,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    count: u64,
    application: String,
    user: String,
    tenant: String,
    route: String,
    was: String,
    now: String,
}

/// Asks what to decide again.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who) -> Response {
    let page = Replay::new(&admin.state.load().config);
    Frame::new(&admin, &who, Tab::Replay).page("replay.html", page)
}

/// Decides again.
pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    who: Who,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Replay);
    let Ok(_turn) = TURN.try_acquire() else {
        let (status, words) = (StatusCode::SERVICE_UNAVAILABLE, "Another log is being replayed.");
        return frame.message(status, words, "Try again in a moment.", PATH);
    };
    let upload = match form {
        Ok(form) => Upload::read(&who, form).await,
        Err(_) => Err(NotTaken::Broken),
    };
    let upload = match upload {
        Ok(upload) => upload,
        Err(error) => {
            let (status, description) = error.told();
            return frame.message(status, description, "Nothing was replayed.", PATH);
        }
    };
    let config = Arc::clone(&admin.state.load().config);
    let mut page = Replay::new(&config);
    let of_thread = Arc::clone(&config);
    let rehearsed = tokio::task::spawn_blocking(move || {
        Wanted::read(upload, &of_thread).and_then(|wanted| wanted.rehearse(&of_thread))
    });
    let status = match rehearsed.await {
        Ok(Ok(rehearsed)) => {
            page.result = Some(Outcome::of(&rehearsed));
            StatusCode::OK
        }
        Ok(Err(trouble)) => {
            page.trouble = Some(trouble);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(_) => return frame.message(StatusCode::INTERNAL_SERVER_ERROR, "The replay failed.", "", PATH),
    };
    frame.respond(status, "Replay", "replay.html", page)
}

impl Replay {
    fn new(config: &Config) -> Self {
        let own_log = own_log(config).map(|path| short(&path.display().to_string()).into_owned());
        Self { own_log, ..Self::default() }
    }
}

impl Outcome {
    fn of(rehearsed: &Rehearsed) -> Self {
        let report = &rehearsed.report;
        let (kind, words) = match report.result {
            Conclusion::Pass => ("good", "Nobody would notice: every request that was permitted still would be."),
            Conclusion::NewlyRefused => ("trouble", "Some requests that were permitted would be refused."),
            Conclusion::Undetermined => ("warn", "Of some decisions, or of the log as a whole, too little is known."),
            Conclusion::Malformed => ("warn", "Some lines could not be read, and are not covered."),
            Conclusion::Empty => ("warn", "There was no decision to decide again."),
        };
        let undetermined = report.undetermined.iter();
        let undetermined =
            undetermined.map(|(why, count)| Gap { count: Some(*count), text: why.text(), fix: why.fix() });
        let gaps = report.gaps.iter().map(|why| Gap { count: None, text: why.text(), fix: why.fix() });
        let malformed =
            report.malformed.iter().map(|one| format!("{}:{}: {}", short(&one.log), one.line, short(&one.problem)));
        let assumed = (report.token_rules_assumed > 0).then(|| {
            format!(
                "Of {} decisions of an older version it is assumed that the issuers ask the same of their tokens as before.",
                report.token_rules_assumed
            )
        });
        Self {
            kind,
            words,
            figures: vec![
                ("Decisions", report.lines.decisions),
                ("Decided again", report.decided_again),
                ("Unchanged", report.unchanged),
                ("Newly refused", report.newly_refused.count),
                ("Newly permitted", report.newly_permitted.count),
                ("Undetermined", report.lines.decisions - report.decided_again),
            ],
            gaps: undetermined.chain(gaps).collect(),
            changes: [
                Table::of("refused", "Newly refused", &report.newly_refused),
                Table::of("permitted", "Newly permitted", &report.newly_permitted),
            ],
            malformed: malformed.collect(),
            assumed,
            is_cut: rehearsed.is_cut,
        }
    }
}

impl Table {
    fn of(id: &'static str, title: &'static str, changes: &Changes) -> Self {
        let claim = |claim: &Option<String>| claim.as_deref().map_or_else(|| "–".to_owned(), |text| short(text).into());
        let rows = changes.groups.iter().map(|group| Row {
            count: group.count,
            application: claim(&group.who.application),
            user: claim(&group.who.user),
            tenant: claim(&group.who.tenant),
            route: short(&group.who.route).into_owned(),
            was: group.who.was.replace('_', " "),
            now: group.who.reason.replace('_', " "),
        });
        Self { id, title, count: changes.count, not_listed: changes.not_listed, rows: rows.collect() }
    }
}
