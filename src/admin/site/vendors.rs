//! The page of control panel vendors: how far each partner is, who still uses a password, and what was purged.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use mfa_gateway_core::clock::Timestamp;
use serde::Serialize;

use super::form::Form;
use super::frame::{Frame, Tab, see_other};
use super::who::Who;
use crate::admin::context::Admin;
use crate::admin::posted::Question;
use crate::admin::vendors::{CustomersQuestion, PurgedQuestion, listed, state_purge, wish};
use crate::consent::ConsentState;
use crate::pages::{Moment, short};
use crate::vendors::{Calls, PartnerDetail};

pub(super) const PATH: &str = "/site/vendors";

#[derive(Default, Serialize)]
struct Vendors {
    rows: Vec<Row>,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Row {
    vendor: String,
    partner: String,
    tenant: String,
    consent: (&'static str, String),
    remedy: &'static str,
    counts: Vec<(&'static str, i64)>,
    listing: bool,
    trouble: String,
    failures: Vec<(String, String, String)>,
    calls: Option<(&'static str, &'static str)>,
    numbers: Option<[Calls; 2]>,
    purge: Option<Purged>,
}

#[derive(Serialize)]
struct Purged {
    kind: &'static str,
    words: &'static str,
    at: Option<Moment>,
    by: String,
    how: String,
    since: Option<Calls>,
    last: Option<Moment>,
}

/// Lists vendors with their partners.
pub(super) async fn page(State(admin): State<Arc<Admin>>, who: Who, uri: Uri) -> Response {
    let mut page = Vendors::default();
    match listed(&admin).await {
        Ok(vendors) => {
            let rows = vendors.iter().flat_map(|vendor| vendor.partners.iter().map(|one| row(&vendor.name, one)));
            page.rows = rows.collect();
        }
        Err(refused) => {
            let (_, description, remedy) = refused.told();
            page.trouble = Some(format!("{description} {remedy}"));
        }
    }
    let done = match uri.query() {
        Some("done=asked") => Some("The gateway works on it.".to_owned()),
        Some("done=purged") => Some("The statement is noted.".to_owned()),
        _ => None,
    };
    Frame::new(&admin, &who, Tab::Vendors).done(done).page("vendors.html", page)
}

/// Leads to the list: a step-up returns here after a form that it interrupted.
pub(super) async fn again() -> Response {
    see_other(PATH)
}

/// Has all customers of a partner consent.
pub(super) async fn consent(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Vendors);
    if form.field("sure") != "yes" {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return frame.message(status, "The consents are not confirmed.", "Tick the box beside the button.", PATH);
    }
    let [vendor, partner] = ["vendor", "partner"].map(|name| form.field(name).to_owned());
    let question = CustomersQuestion { vendor, partner, all: true, customers: Vec::new(), anew: false };
    match wish(&admin, form.who.name(), &question, "consented").await {
        Ok(_) => see_other(&format!("{PATH}?done=asked")),
        Err(refused) => {
            let (status, description, remedy) = refused.told();
            frame.message(status, &description, &remedy, PATH)
        }
    }
}

/// Takes the statement that a partner's stored credentials are gone.
pub(super) async fn purged(State(admin): State<Arc<Admin>>, form: Form) -> Response {
    let frame = Frame::new(&admin, &form.who, Tab::Vendors);
    let [vendor, partner, how] = ["vendor", "partner", "how"].map(|name| form.field(name).to_owned());
    // A form's lines end with both characters.
    let question = PurgedQuestion { vendor, partner, how: how.replace("\r\n", "\n") };
    if !question.is_sound() {
        let remedy = "Say in at most 4,000 characters where the credentials were, and who deleted them.";
        return frame.message(StatusCode::UNPROCESSABLE_ENTITY, "The statement says nothing.", remedy, PATH);
    }
    match state_purge(&admin, form.who.name(), &question).await {
        Ok(_) => see_other(&format!("{PATH}?done=purged")),
        Err(refused) => {
            let (status, description, remedy) = refused.told();
            frame.message(status, &description, &remedy, PATH)
        }
    }
}

fn row(vendor: &str, one: &PartnerDetail) -> Row {
    let text = |text: &str| short(text).into_owned();
    let state = ConsentState::named(one.consent_state);
    let counts = &one.customers;
    Row {
        vendor: text(vendor),
        partner: text(&one.name),
        tenant: text(&one.tenant),
        consent: (kind(state), one.consent_state.replace('_', " ")),
        remedy: one.remedy,
        counts: vec![
            ("consented", counts.consented),
            ("of them there before", counts.existed),
            ("of them to other grants", counts.other_grants),
            ("due", counts.due),
            ("failed", counts.failed),
            ("removed", counts.removed),
        ],
        listing: one.asked.as_ref().is_some_and(|asked| asked.listing),
        trouble: one.asked.as_ref().map(|asked| asked.trouble.replace('_', " ")).unwrap_or_default(),
        failures: one
            .failures
            .iter()
            .map(|failed| (failed.customer.clone(), text(&failed.name), text(&failed.why)))
            .collect(),
        calls: one.calls.map(|calls| match calls.manner {
            "app_only" => ("bad", "without a user"),
            "password" => ("bad", "without MFA"),
            "mfa" => ("good", "with MFA"),
            _ => ("", "no calls"),
        }),
        numbers: one.calls.map(|calls| [calls.days7, calls.days30]),
        purge: one.purge.as_ref().map(|purge| {
            let (kind, words) = match purge.standing {
                "proven" => ("good", "proven"),
                "contradicted" => ("bad", "contradicted"),
                "open" => ("warn", "no calls since"),
                _ => ("warn", "stated"),
            };
            let time = |text: &str| Timestamp::parse(text).map(Moment::of);
            let last = purge.last_without_mfa.as_deref().and_then(time);
            let (by, how) = (text(&purge.by), text(&purge.how));
            Purged { kind, words, at: time(&purge.at), by, how, since: purge.since, last }
        }),
    }
}

/// How a state is marked.
fn kind(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Alive => "good",
        ConsentState::Absent | ConsentState::NoMfa => "warn",
        _ => "bad",
    }
}
