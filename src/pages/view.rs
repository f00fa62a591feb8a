//! A page as templates see it: plain texts, short and without characters that mislead.

use std::borrow::Cow;

use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use super::action::{Action, Does, Shown};
use super::fact::{Fact, SessionRow};
use super::failure::Failure;
use super::kind::{Kind, NeededRole};
use super::page::Page;
use super::reasons;
use super::words::{Moment, ago, short};

/// How many facts, roles or sessions are shown.
const MOST: usize = 50;

/// What a template is rendered with.
#[derive(Debug, Serialize)]
pub(super) struct View<'a> {
    /// The language of all texts.
    lang: &'static str,
    /// The kind's name.
    kind: &'static str,
    /// The title, which is the heading too.
    title: &'static str,
    paragraphs: Vec<&'static str>,
    sections: Vec<Section<'a>>,
    sessions: Vec<Session<'a>>,
    actions: Vec<Shown<'a>>,
    /// Who is signed in; empty if nobody is.
    person: Cow<'a, str>,
    code: &'static str,
    request_id: Cow<'a, str>,
}

/// A heading, and facts or a list.
#[derive(Debug, Serialize)]
struct Section<'a> {
    heading: &'static str,
    facts: Vec<ShownFact<'a>>,
    items: Vec<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
struct ShownFact<'a> {
    label: Cow<'a, str>,
    value: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Session<'a> {
    name: String,
    id: &'a str,
    this_one: bool,
    mfa: bool,
    created: Moment,
    seen: Moment,
    expires: Moment,
    ago: String,
    end: Option<Shown<'a>>,
}

impl<'a> Section<'a> {
    fn of_facts(heading: &'static str, facts: Vec<ShownFact<'a>>) -> Self {
        Self { heading, facts, items: Vec::new() }
    }

    fn of_items(heading: &'static str, items: Vec<Cow<'a, str>>) -> Self {
        Self { heading, facts: Vec::new(), items }
    }
}

/// Shows a page. `start` is what it leads to if it has no action.
pub(super) fn view<'a>(page: &'a Page, start: &'a Action) -> View<'a> {
    let text = reasons::text(&page.kind);
    let only = std::slice::from_ref(start);
    let actions = if page.actions.is_empty() { only } else { &page.actions };
    View {
        lang: "en",
        kind: page.kind.name(),
        title: text.title,
        paragraphs: page.first.iter().chain(text.paragraphs).copied().collect(),
        sections: sections(page),
        sessions: sessions(&page.kind),
        actions: actions.iter().enumerate().map(|(index, action)| action.shown(index == 0)).collect(),
        person: page.person.as_deref().map(short).unwrap_or_default(),
        code: page.code,
        request_id: short(&page.request_id),
    }
}

/// The action of a page without any.
pub(super) fn start_page() -> Action {
    Action::link(Does::StartPage, "/")
}

fn sections(page: &Page) -> Vec<Section<'_>> {
    let mut sections = match &page.kind {
        Kind::StepUpFailed(step_up) => vec![
            Section::of_facts("What was asked for", facts(&step_up.asked)),
            Section::of_facts("What came back", facts(&step_up.returned)),
            Section::of_items("Likely causes", step_up.causes().iter().map(|cause| Cow::Borrowed(*cause)).collect()),
        ],
        Kind::WrongRole(roles) | Kind::RolesUnknown(roles) => {
            vec![Section::of_items("One of these roles is needed", roles.iter().take(MOST).map(role).collect())]
        }
        Kind::WrongContext(tenants) | Kind::NotDelegated(_, tenants) => {
            vec![Section::of_facts("The tenants", facts(tenants))]
        }
        Kind::AnotherUser { before: Some(before) } => {
            vec![Section::of_facts("The accounts", vec![fact("Signed in before", before)])]
        }
        Kind::SignInFailed(Failure { number: Some(number), .. }) => {
            let value = format!("AADSTS{number}").into();
            vec![Section::of_facts("For your help desk", vec![ShownFact { label: "Microsoft Entra ID".into(), value }])]
        }
        _ => Vec::new(),
    };
    sections.push(Section::of_facts("Details", facts(&page.facts)));
    sections.retain(|section| !(section.facts.is_empty() && section.items.is_empty()));
    sections
}

fn role(role: &NeededRole) -> Cow<'_, str> {
    let name = short(&role.name);
    match &role.granted_by {
        Some(who) => format!("{name}, granted by {}", short(who)).into(),
        None => name,
    }
}

fn facts(facts: &[Fact]) -> Vec<ShownFact<'_>> {
    facts.iter().take(MOST).map(|Fact { label, value }| fact(label, value)).collect()
}

fn fact<'a>(label: &'a str, value: &'a str) -> ShownFact<'a> {
    ShownFact { label: short(label), value: short(value) }
}

fn sessions(kind: &Kind) -> Vec<Session<'_>> {
    let Kind::Sessions { rows, now } = kind else { return Vec::new() };
    rows.iter().take(MOST).enumerate().map(|(index, row)| session(index + 1, row, *now)).collect()
}

fn session(number: usize, row: &SessionRow, now: Timestamp) -> Session<'_> {
    Session {
        name: format!("Session {number}"),
        id: &row.id,
        this_one: row.this_one,
        mfa: row.mfa,
        created: Moment::of(row.created),
        seen: Moment::of(row.seen),
        expires: Moment::of(row.expires),
        ago: ago(now.since(row.seen)),
        end: row.end.as_ref().map(|end| end.shown(false)),
    }
}
