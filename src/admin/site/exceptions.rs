//! The pages of technical exceptions: listed, looked at, answered. People who may ask or answer need not be operators.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use mfa_gateway_store::ExceptionPage;
use serde::Serialize;
use url::form_urlencoded::{Serializer, parse};

use super::form::Form;
use super::frame::{Frame, Tab, see_other};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::exceptions::{exceptions, refused};
use crate::exceptions::{Actor, Answer, Detail, Entry, Refusal, State as Standing, StepForm, Wanted};
use crate::pages::short;

pub(super) const PATH: &str = "/site/exceptions";

#[derive(Default, Serialize)]
struct List {
    states: Vec<(&'static str, bool)>,
    entries: Vec<Row>,
    next: Option<String>,
    trouble: Option<String>,
}

/// An exception as pages show it.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    href: String,
    state: &'static str,
    kind: &'static str,
    is_configured: bool,
    owner: String,
    reason: String,
    whom: Vec<(&'static str, String)>,
    facts: Vec<(&'static str, String)>,
    ends: String,
    due: Option<String>,
    overdue: bool,
    used: Option<String>,
    version: Option<i64>,
}

#[derive(Serialize)]
struct One {
    exception: Row,
    steps: Vec<Step>,
    evidence: Vec<Evidence>,
    actions: Vec<Action>,
}

#[derive(Serialize)]
struct Step {
    at: String,
    step: String,
    by: String,
    shown: String,
    reason: String,
}

#[derive(Serialize)]
struct Evidence {
    href: String,
    name: String,
    kind: String,
    size: i64,
    at: String,
}

#[derive(Serialize)]
struct Action {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    class: &'static str,
}

const APPROVE: Action = Action {
    name: "approve",
    label: "Approve",
    hint: "By another person than the requester, whose sign-in with MFA is recent.",
    class: "primary",
};
const REJECT: Action =
    Action { name: "reject", label: "Reject", hint: "By another person than the requester.", class: "danger" };
const WITHDRAW: Action = Action { name: "withdraw", label: "Withdraw", hint: "By the requester.", class: "" };
const REVOKE: Action =
    Action { name: "revoke", label: "Revoke", hint: "It ends on every replica within two seconds.", class: "danger" };

/// Lists exceptions.
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    who: Who,
    uri: Uri,
) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Exceptions);
    let Some((state, after)) = asked(uri.query().unwrap_or_default()) else {
        let remedy = "Choose a state with the form of the page.";
        return frame.message(StatusCode::BAD_REQUEST, "The address has a wrong parameter.", remedy, PATH);
    };
    let states = Standing::ALL.iter().map(|one| (one.name(), state == Some(*one))).collect();
    let mut page = List { states, ..List::default() };
    let service = match exceptions(&admin) {
        Ok(service) => service,
        Err(refused) => {
            let (_, description, remedy) = refused.told();
            page.trouble = Some(format!("{description} {remedy}"));
            return frame.page("exceptions.html", page);
        }
    };
    let wanted = Wanted { state, page: ExceptionPage { after, ..ExceptionPage::default() } };
    let live = admin.live.load_full();
    match service.list(&actor, &wanted, &live.judge.waivers.exceptions).await {
        Ok(listed) => {
            page.next = listed.next.map(|(requested, id)| {
                let after = format!("{requested}.{id}");
                let state = state.map(|state| ("state", state.name()));
                let pairs = state.into_iter().chain([("after", after.as_str())]);
                format!("{PATH}?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
            });
            page.entries = listed.entries.iter().map(Row::of).collect();
            frame.page("exceptions.html", page)
        }
        Err(refusal) => not_done(&frame, refusal, &actor),
    }
}

type After = Option<(i64, String)>;

/// The state and the part of the list that an address asks for.
fn asked(query: &str) -> Option<(Option<Standing>, After)> {
    let (mut state, mut after) = (None, None);
    for (name, value) in parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
        match &*name {
            "state" => state = Some(Standing::from_name(&value)?),
            "after" => {
                let (requested, id) = value.split_once('.')?;
                after = Some((requested.parse().ok()?, id.to_owned()));
            }
            _ => return None,
        }
    }
    Some((state, after))
}

/// Shows an exception with all its steps.
pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    who: Who,
    Path(id): Path<String>,
) -> Response {
    let frame = Frame::new(&admin, &who, Tab::Exceptions);
    let service = match exceptions(&admin) {
        Ok(service) => service,
        Err(refused) => return refused.into_response(),
    };
    let live = admin.live.load_full();
    match service.detail(&actor, &id, &live.judge.waivers.exceptions).await {
        Ok(detail) => frame.respond(StatusCode::OK, "Exception", "exception.html", One::of(&detail)),
        Err(refusal) => not_done(&frame, refusal, &actor),
    }
}

/// Where a step-up returns to after a form that it interrupted.
pub(super) async fn back(Path((id, _)): Path<(String, String)>) -> Response {
    see_other(&address(&id))
}

/// Makes a step.
pub(super) async fn step(
    State(admin): State<Arc<Admin>>,
    Extension(actor): Extension<Actor>,
    Path((id, step)): Path<(String, String)>,
    form: Form,
) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Exceptions);
    let answer = match &*step {
        "approve" => Answer::Approve,
        "reject" => Answer::Reject,
        "withdraw" => Answer::Withdraw,
        "revoke" => Answer::Revoke,
        _ => return frame.message(StatusCode::NOT_FOUND, "There is no such step.", "", PATH),
    };
    let said = StepForm { reason: form.field("reason").to_owned(), version: form.field("version").parse().ok() };
    let service = match exceptions(&admin) {
        Ok(service) => service,
        Err(refused) => return refused.into_response(),
    };
    let live = admin.live.load_full();
    match service.answer(&actor, &id, answer, &said, &live.judge.waivers.exceptions).await {
        Ok(_) => see_other(&address(&id)),
        Err(refusal) => not_done(&frame, refusal, &actor),
    }
}

/// The page of an exception.
pub(super) fn address(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("{PATH}/{}", id.replace('+', "%20"))
}

/// What a page says where a step isn't made. What another sign-in, or a role, would help against is told as for any page.
pub(super) fn not_done(frame: &Frame<'_>, refusal: Refusal, actor: &Actor) -> Response {
    match refusal {
        Refusal::Told(notice) => frame.message(notice.status, notice.description, notice.remedy, PATH),
        refusal @ Refusal::Denied(..) => refused(refusal, actor).into_response(),
    }
}

impl Row {
    fn of(entry: &Entry) -> Self {
        let text = |text: &str| short(text).into_owned();
        let named = |list: [(&'static str, Option<String>); 5]| {
            list.into_iter().filter_map(|(label, value)| Some((label, text(&value?)))).collect()
        };
        let routes = entry.routes.as_ref().map(|routes| routes.join(", "));
        let person = |person: &crate::exceptions::Person| person.name.clone();
        Self {
            id: text(&entry.id),
            href: address(&entry.id),
            state: entry.state.name(),
            kind: kind(entry.state),
            is_configured: entry.origin == "configuration",
            owner: text(&entry.owner),
            reason: text(&entry.reason),
            whom: named([
                ("Application", entry.application.clone()),
                ("User", entry.user.clone()),
                ("Tenant", entry.tenant.clone()),
                ("Issuer", entry.issuer.clone()),
                ("Routes", routes),
            ]),
            facts: [
                ("Ground", entry.ground.as_deref().map(|ground| ground.replace('_', " "))),
                ("Ticket", entry.ticket.clone()),
                ("Software", entry.software.clone()),
                ("Purchase order", entry.purchase_order.clone()),
                ("Asked for by", entry.requested_by.as_ref().map(person)),
                ("Asked for", entry.requested.clone()),
                ("Approved", entry.approved.clone()),
                ("Begins", entry.starts.clone()),
            ]
            .into_iter()
            .filter_map(|(label, value)| Some((label, text(&value?))))
            .collect(),
            ends: entry.ends.clone(),
            due: entry.due.clone(),
            overdue: entry.overdue,
            used: entry.used.as_ref().map(|used| match &used.last {
                Some(last) => format!("{}, the last on {last}", used.count),
                None => used.count.to_string(),
            }),
            version: entry.version,
        }
    }
}

fn kind(state: Standing) -> &'static str {
    match state {
        Standing::Requested => "warn",
        Standing::Active | Standing::Approved => "good",
        Standing::Rejected | Standing::Revoked => "bad",
        Standing::Withdrawn | Standing::Expired => "",
    }
}

impl One {
    fn of(detail: &Detail) -> Self {
        let actions = match (detail.exception.origin, detail.exception.state) {
            ("configuration", _) => Vec::new(),
            (_, Standing::Requested) => vec![APPROVE, REJECT, WITHDRAW],
            (_, Standing::Approved | Standing::Active) => vec![REVOKE],
            _ => Vec::new(),
        };
        let text = |text: &str| short(text).into_owned();
        let steps = detail.steps.iter().map(|step| Step {
            at: step.at.clone(),
            step: text(&step.step),
            by: text(&step.by.name),
            shown: text(&step.shown),
            // A reason is told whole: it is bounded where it is read.
            reason: crate::visible::visible(&step.reason).into_owned(),
        });
        let evidence = detail.evidence.iter().map(|one| Evidence {
            href: format!("/exceptions/{}/evidence/{}", detail.exception.id, one.number),
            name: text(&one.name),
            kind: one.kind.replace('_', " "),
            size: one.size,
            at: one.at.clone(),
        });
        Self { exception: Row::of(&detail.exception), steps: steps.collect(), evidence: evidence.collect(), actions }
    }
}
