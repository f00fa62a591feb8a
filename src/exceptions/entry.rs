//! An exception as pages, calls and the command show it.

use std::collections::HashMap;

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy;
use mfa_gateway_store::{Evidence, Exception, Step, Uses, Who};
use schemars::JsonSchema;
use serde::Serialize;

use super::calendar::Calendar;
use super::state::State;

/// An exception.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields, rename = "Exception")]
pub(crate) struct Entry {
    /// The id that logs and reports show.
    pub(crate) id: String,
    /// `granted` for one that people asked for, `configuration` for one of the configuration.
    #[schemars(extend("enum" = ["granted", "configuration"]))]
    pub(crate) origin: &'static str,
    /// Where it stands.
    pub(crate) state: State,
    /// How many steps it has made; `null` for one of the configuration.
    pub(crate) version: Option<i64>,
    /// The ground; `null` for one of the configuration.
    pub(crate) ground: Option<String>,
    /// The person or team responsible for it.
    pub(crate) owner: String,
    /// The reason for it.
    pub(crate) reason: String,
    /// The ticket that it belongs to.
    pub(crate) ticket: Option<String>,
    /// The client software that can't do MFA.
    pub(crate) software: Option<String>,
    /// The number of a purchase order.
    pub(crate) purchase_order: Option<String>,
    /// The application that it is for.
    pub(crate) application: Option<String>,
    /// The user that it is for.
    pub(crate) user: Option<String>,
    /// The tenant that it is for.
    pub(crate) tenant: Option<String>,
    /// The issuer that it is for.
    pub(crate) issuer: Option<String>,
    /// The routes that it is for; `null` for all.
    pub(crate) routes: Option<Vec<String>>,
    /// When it begins; `null` for one of the configuration, which has begun.
    pub(crate) starts: Option<String>,
    /// When it ends.
    pub(crate) ends: String,
    /// Who asked for it.
    pub(crate) requested_by: Option<Person>,
    /// When.
    pub(crate) requested: Option<String>,
    /// When the answer is due; `null` if there is one, or none is due.
    pub(crate) due: Option<String>,
    /// Whether the answer is late.
    pub(crate) overdue: bool,
    /// When it was approved.
    pub(crate) approved: Option<String>,
    /// How often it let requests pass, as the report counts; `null` without `report` in the configuration.
    pub(crate) used: Option<Used>,
}

/// How often an exception let requests pass.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExceptionUses")]
pub(crate) struct Used {
    /// How many requests, as long as the report keeps counts.
    pub(crate) count: i64,
    /// The day of the last one, in UTC; `null` if there was none.
    pub(crate) last: Option<String>,
}

/// Somebody who made a step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Person {
    /// The name of the issuer; `null` for an operator without one.
    pub(crate) issuer: Option<String>,
    /// The tenant.
    pub(crate) tenant: Option<String>,
    /// The user's id.
    pub(crate) user: Option<String>,
    /// The name.
    pub(crate) name: String,
}

/// A step that was made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct StepEntry {
    /// Its number, from 1.
    pub(crate) number: i64,
    /// When, by the store's clock.
    pub(crate) at: String,
    /// Who.
    pub(crate) by: Person,
    /// What this person had shown.
    pub(crate) shown: String,
    /// What was done: `requested`, `evidence`, `approved`, `rejected`, `withdrawn` or `revoked`.
    pub(crate) step: String,
    /// Why.
    pub(crate) reason: String,
}

/// A piece of evidence.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct EvidenceEntry {
    /// Its number, from 1.
    pub(crate) number: i64,
    /// When it was added, by the store's clock.
    pub(crate) at: String,
    /// What it shows; `explain` for what the gateway itself attached.
    pub(crate) kind: String,
    /// The file's name.
    pub(crate) name: String,
    /// Its media type, as its uploader says.
    pub(crate) media_type: String,
    /// Its size in bytes.
    pub(crate) size: i64,
}

/// An exception with all its steps.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "ExceptionDetail")]
pub(crate) struct Detail {
    /// The exception.
    pub(crate) exception: Entry,
    /// Its steps, oldest first.
    pub(crate) steps: Vec<StepEntry>,
    /// Its evidence.
    pub(crate) evidence: Vec<EvidenceEntry>,
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_rfc3339()
}

impl Entry {
    /// A row as it shows at this time.
    pub(super) fn of(row: &Exception, calendar: &Calendar, now: Timestamp) -> Self {
        let asked = &row.asked;
        let state = State::of(row, now.as_millis());
        let due = calendar.due(Timestamp::from_millis(row.requested));
        let waits = state == State::Requested;
        Self {
            id: asked.id.clone(),
            origin: "granted",
            state,
            version: Some(row.version),
            ground: some(&asked.ground),
            owner: asked.owner.clone(),
            reason: asked.reason.clone(),
            ticket: some(&asked.ticket),
            software: some(&asked.software),
            purchase_order: some(&asked.purchase_order),
            application: some(&asked.application),
            user: some(&asked.user),
            tenant: some(&asked.tenant),
            issuer: some(&asked.issuer),
            routes: routes(&asked.routes),
            starts: Some(time(asked.starts)),
            ends: time(asked.ends),
            requested_by: Some(Person::of(&row.by)),
            requested: Some(time(row.requested)),
            due: waits.then(|| due.to_rfc3339()),
            overdue: waits && due <= now,
            approved: (row.approved > 0).then(|| time(row.approved)),
            used: None,
        }
    }

    /// The same, with its uses.
    pub(super) fn used(self, uses: &HashMap<String, Uses>) -> Self {
        let Uses { count, last } = uses.get(&self.id).copied().unwrap_or_default();
        let day = || Timestamp::from_secs(last.saturating_mul(86_400)).to_rfc3339();
        let last = (count > 0).then(|| day().get(..10).unwrap_or_default().to_owned());
        Self { used: Some(Used { count, last }), ..self }
    }

    /// One of the configuration as it shows.
    pub(super) fn configured(one: &policy::Exception, now: Timestamp) -> Self {
        Self {
            id: one.id.clone(),
            origin: "configuration",
            state: if one.expires <= now { State::Expired } else { State::Active },
            version: None,
            ground: None,
            owner: one.owner.clone(),
            reason: one.reason.clone(),
            ticket: None,
            software: None,
            purchase_order: None,
            application: one.application.clone(),
            user: one.user.clone(),
            tenant: one.tenant.clone(),
            issuer: one.issuer.clone(),
            routes: one.routes.clone(),
            starts: None,
            ends: one.expires.to_rfc3339(),
            requested_by: None,
            requested: None,
            due: None,
            overdue: false,
            approved: None,
            used: None,
        }
    }
}

/// The routes of a row; `None` for all. A text that can't be read is no route, so that it matches nothing.
pub(super) fn routes(text: &str) -> Option<Vec<String>> {
    if text.is_empty() { None } else { Some(serde_json::from_str(text).unwrap_or_default()) }
}

impl Person {
    fn of(who: &Who) -> Self {
        let Who { issuer, tenant, user, name } = who;
        Self { issuer: some(issuer), tenant: some(tenant), user: some(user), name: name.clone() }
    }
}

impl StepEntry {
    fn of(step: &Step) -> Self {
        let made = &step.made;
        Self {
            number: step.number,
            at: time(step.at),
            by: Person::of(&made.by),
            shown: made.shown.clone(),
            step: made.what.clone(),
            reason: made.why.clone(),
        }
    }
}

impl EvidenceEntry {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let Evidence { number, at, kind, name, media_type, size } = evidence.clone();
        Self { number, at: time(at), kind, name, media_type, size }
    }
}

impl Detail {
    /// A row as it shows with its steps and its evidence.
    pub(super) fn of(
        (row, steps, evidence): &(Exception, Vec<Step>, Vec<Evidence>),
        calendar: &Calendar,
        now: Timestamp,
    ) -> Self {
        let (steps, evidence) = (steps.iter().map(StepEntry::of), evidence.iter().map(EvidenceEntry::of));
        Self { exception: Entry::of(row, calendar, now), steps: steps.collect(), evidence: evidence.collect() }
    }
}
