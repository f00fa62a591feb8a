//! Every step, for pages, calls and the command alike.

use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::ExceptionSet;
use mfa_gateway_store::{Evidence, Exception, ExceptionFilter, ExceptionPage, Move, NewStep, Step, StoreError, Who};

use super::actor::Actor;
use super::entry::{Detail, Entry, EvidenceEntry};
use super::explained;
use super::form::{EvidenceForm, MOST_FILES, RequestForm};
use super::process::Exceptions;
use super::refusal::{CHANGED, CONFIGURED, ENDED, FULL, NO_EVIDENCE, Refusal, UNKNOWN, WRONG_STATE};
use super::rights::Sight;
use super::settings::ExceptionSettings;
use super::state::State;
use super::steps::{Answer, StepForm};
use super::texts::reason;
use crate::gateway::Live;

/// Which exceptions to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Those in this state; all if absent.
    pub(crate) state: Option<State>,
    /// The part of the list.
    pub(crate) page: ExceptionPage,
}

/// A part of a list, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next: Option<(i64, String)>,
}

type Found = (Exception, Vec<Step>, Vec<Evidence>);

impl Exceptions {
    /// Lists exceptions, newest request first; those of the configuration come first.
    pub(crate) async fn list(
        &self,
        actor: &Actor,
        wanted: &Wanted,
        configured: &ExceptionSet,
    ) -> Result<Listed, Refusal> {
        let (settings, now) = (self.settings()?, self.clock.now());
        let sight = settings.sight(actor, now)?;
        let mut filter = wanted.state.map_or_else(ExceptionFilter::default, |state| state.filter(now.as_millis()));
        if let Sight::Own(who) = &sight {
            filter.by = Some((who.tenant.clone(), who.user.clone()));
        }
        let rows = self.store.exceptions(&filter, &wanted.page).await.map_err(|error| Refusal::store(&error))?;
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= wanted.page.most);
        let next = rows.last().filter(|_| is_full).map(|row| (row.requested, row.asked.id.clone()));
        let is_wanted = |entry: &Entry| wanted.state.is_none_or(|state| state == entry.state);
        let shows_configured = sight == Sight::All && wanted.page.after.is_none();
        let of_file = configured.iter().filter(|_| shows_configured).map(|one| Entry::configured(one, now));
        let granted = rows.iter().map(|row| Entry::of(row, &settings.calendar, now));
        let entries = of_file.filter(is_wanted).chain(granted).collect();
        Ok(Listed { entries: self.with_uses(&settings, entries).await, next })
    }

    /// Tells an exception with all its steps.
    pub(crate) async fn detail(&self, actor: &Actor, id: &str, configured: &ExceptionSet) -> Result<Detail, Refusal> {
        let (settings, now) = (self.settings()?, self.clock.now());
        let of_file = configured.iter().find(|one| one.id == id);
        if let (Some(one), Sight::All) = (of_file, settings.sight(actor, now)?) {
            let detail = Detail { exception: Entry::configured(one, now), steps: Vec::new(), evidence: Vec::new() };
            return Ok(self.detail_with_uses(&settings, detail).await);
        }
        let found = self.found(actor, &settings, id).await?;
        Ok(self.detail_with_uses(&settings, Detail::of(&found, &settings.calendar, now)).await)
    }

    /// The content of a piece of evidence.
    pub(crate) async fn evidence(
        &self,
        actor: &Actor,
        id: &str,
        number: i64,
    ) -> Result<(EvidenceEntry, Vec<u8>), Refusal> {
        let settings = self.settings()?;
        self.found(actor, &settings, id).await?;
        let found = self.store.evidence(id, number).await.map_err(|error| Refusal::store(&error))?;
        let (about, bytes) = found.ok_or(Refusal::Told(&NO_EVIDENCE))?;
        Ok((EvidenceEntry::of(&about), bytes))
    }

    /// Asks for an exception.
    pub(crate) async fn request(&self, actor: &Actor, form: &RequestForm, live: &Live) -> Result<Detail, Refusal> {
        let (settings, now) = (self.settings()?, self.clock.now());
        let by = settings.may_request(actor, now)?;
        let (asked, mut files) = form.read(&settings, now)?;
        if let Some(explain) = &form.explain {
            files.insert(0, explained::attach(explain, &asked, live).await?);
        }
        let step = step(actor, by, "requested", asked.reason.clone());
        let made = self.store.request_exception(&asked, &step, &files).await;
        self.after(&asked.id, "requested", actor, made).await?.then_some(()).ok_or(Refusal::Told(&ENDED))?;
        self.told(&settings, &asked.id).await
    }

    /// Answers a request, takes it back, or ends what was granted.
    pub(crate) async fn answer(
        &self,
        actor: &Actor,
        id: &str,
        answer: Answer,
        form: &StepForm,
        configured: &ExceptionSet,
    ) -> Result<Detail, Refusal> {
        let (settings, now) = (self.settings()?, self.clock.now());
        if configured.iter().any(|one| one.id == id) {
            settings.sight(actor, now)?;
            return Err(Refusal::Told(&CONFIGURED));
        }
        let (row, ..) = self.found(actor, &settings, id).await?;
        let by = match answer {
            Answer::Approve | Answer::Reject => settings.may_answer(actor, &row, now)?,
            Answer::Withdraw => settings.may_withdraw(actor, &row, now)?,
            Answer::Revoke => settings.may_revoke(actor, now)?,
        };
        check_version(&row, form.version)?;
        check_state(&row, now, |state| answer.is_from(state))?;
        let step = step(actor, by, answer.name(), reason(&form.reason)?);
        let (to, approves) = (Some(answer.name()), answer == Answer::Approve);
        self.make(
            &row,
            answer.name(),
            actor,
            &Move { id, version: row.version, to, approves, step: &step, evidence: None },
        )
        .await?;
        self.told(&settings, id).await
    }

    /// Adds evidence to an own request, as long as it waits for its answer.
    pub(crate) async fn add_evidence(&self, actor: &Actor, id: &str, form: &EvidenceForm) -> Result<Detail, Refusal> {
        let (settings, now) = (self.settings()?, self.clock.now());
        let (row, _, evidence) = self.found(actor, &settings, id).await?;
        let by = settings.may_withdraw(actor, &row, now)?;
        check_state(&row, now, |state| state == State::Requested)?;
        if evidence.len() >= MOST_FILES {
            return Err(Refusal::Told(&FULL));
        }
        let evidence = form.read()?;
        let step = step(actor, by, "evidence", format!("{}: {}", evidence.kind, evidence.name));
        let asked =
            Move { id, version: row.version, to: None, approves: false, step: &step, evidence: Some(&evidence) };
        self.make(&row, "evidence", actor, &asked).await?;
        self.told(&settings, id).await
    }

    async fn found(&self, actor: &Actor, settings: &ExceptionSettings, id: &str) -> Result<Found, Refusal> {
        let sight = settings.sight(actor, self.clock.now())?;
        let found = self.store.exception(id).await.map_err(|error| Refusal::store(&error))?;
        found.filter(|(row, ..)| sight.has(row)).ok_or(Refusal::Told(&UNKNOWN))
    }

    async fn told(&self, settings: &ExceptionSettings, id: &str) -> Result<Detail, Refusal> {
        let found = self.store.exception(id).await.map_err(|error| Refusal::store(&error))?;
        let detail = Detail::of(&found.ok_or(Refusal::Told(&UNKNOWN))?, &settings.calendar, self.clock.now());
        Ok(self.detail_with_uses(settings, detail).await)
    }

    async fn detail_with_uses(&self, settings: &ExceptionSettings, detail: Detail) -> Detail {
        let mut with_uses = self.with_uses(settings, vec![detail.exception.clone()]).await;
        Detail { exception: with_uses.pop().unwrap_or_else(|| detail.exception.clone()), ..detail }
    }

    /// The same, with what the report counts. Without it, or where it can't be read now, an exception tells the rest.
    async fn with_uses(&self, settings: &ExceptionSettings, entries: Vec<Entry>) -> Vec<Entry> {
        if !settings.counts {
            return entries;
        }
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
        match self.store.uses(&ids).await {
            Ok(uses) => entries.into_iter().map(|entry| entry.used(&uses)).collect(),
            Err(_) => entries,
        }
    }

    async fn make(
        &self,
        before: &Exception,
        what: &'static str,
        actor: &Actor,
        asked: &Move<'_>,
    ) -> Result<(), Refusal> {
        let made = self.store.move_exception(asked).await;
        if self.after(asked.id, what, actor, made).await? {
            return Ok(());
        }
        let now = self.store.exception(asked.id).await.map_err(|error| Refusal::store(&error))?;
        let is_same = now.is_some_and(|(row, ..)| row.version == before.version);
        Err(Refusal::Told(if is_same { &ENDED } else { &CHANGED }))
    }

    /// What follows a step: it counts here at once, and the log says who made it.
    async fn after(
        &self,
        id: &str,
        step: &'static str,
        actor: &Actor,
        made: Result<bool, StoreError>,
    ) -> Result<bool, Refusal> {
        let made = made.map_err(|error| Refusal::store(&error))?;
        if made {
            self.metrics.step(step);
            tracing::info!(exception = id, step, by = actor.name, "a step of an exception was made");
            // A failure is told by the task that keeps them.
            let _ = self.sync().await;
        }
        Ok(made)
    }
}

fn step(actor: &Actor, by: Who, what: &str, why: String) -> NewStep {
    NewStep { by, shown: actor.shown(), what: what.to_owned(), why }
}

fn check_version(row: &Exception, read: Option<i64>) -> Result<(), Refusal> {
    if read.is_none_or(|version| version == row.version) { Ok(()) } else { Err(Refusal::Told(&CHANGED)) }
}

fn check_state(row: &Exception, now: Timestamp, is_right: impl Fn(State) -> bool) -> Result<(), Refusal> {
    match State::of(row, now.as_millis()) {
        state if is_right(state) => Ok(()),
        State::Expired => Err(Refusal::Told(&ENDED)),
        _ => Err(Refusal::Told(&WRONG_STATE)),
    }
}
