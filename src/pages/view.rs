//! A page as templates see it: plain texts, short and without characters that mislead.

use std::borrow::Cow;
use std::time::Duration;

use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use super::action::{Action, Does, Shown};
use super::fact::{Fact, SessionRow};
use super::failure::Failure;
use super::kind::{Kind, NeededRole};
use super::page::Page;
use super::reasons;
use crate::visible::visible;

/// How many characters of a value are shown.
const LONGEST: usize = 300;

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
    created: Time,
    seen: Time,
    expires: Time,
    ago: String,
    end: Option<Shown<'a>>,
}

#[derive(Debug, Serialize)]
struct Time {
    machine: String,
    human: String,
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

/// A text of at most [`LONGEST`] characters, with the characters written out that a reader wouldn't see.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", visible(text.get(..end).unwrap_or_default())).into(),
        None => visible(text),
    }
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
        created: time(row.created),
        seen: time(row.seen),
        expires: time(row.expires),
        ago: ago(now.since(row.seen)),
        end: row.end.as_ref().map(|end| end.shown(false)),
    }
}

/// A moment, as `2026-11-29 02:31 UTC`.
fn time(at: Timestamp) -> Time {
    let machine = at.to_rfc3339();
    let human = match (machine.get(..10), machine.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => machine.clone(),
    };
    Time { machine, human }
}

fn ago(since: Duration) -> String {
    let of = |count: u64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match since.as_secs() {
        0..60 => "just now".to_owned(),
        secs @ 60..3600 => of(secs / 60, "minute"),
        secs @ 3600..86_400 => of(secs / 3600, "hour"),
        secs => of(secs / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_odd_values_are_shown_short_and_whole() {
        assert_eq!(short("a\u{202e}b"), "a\\u{202e}b");
        let long = short(&"é".repeat(LONGEST + 1)).into_owned();
        assert_eq!((long.chars().count(), long.chars().last()), (LONGEST + 1, Some('…')));
        assert_eq!(short(&"é".repeat(LONGEST)).chars().count(), LONGEST);
    }

    #[test]
    fn times_are_told_in_words() {
        for (secs, expected) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (7200, "2 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(secs)), expected);
        }
        assert_eq!(time(Timestamp::from_secs(1_795_919_465)).human, "2026-11-29 02:31 UTC");
    }
}
