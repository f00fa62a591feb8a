//! What was counted, as rows for the store.

use std::collections::VecDeque;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mfa_gateway_store::{CustomerRequests, Flush, RecentRequest, Tally, UserRequests};

use super::cell::Cell;
use super::counted::Outcome;
use super::counter::Drained;
use super::customer_cell::CustomerCell;
use super::settings::Names;
use super::shard::Latest;
use super::status::credential;

/// How many cells or requests one flush takes: it must end within the store's deadline.
const AT_ONCE: usize = 1000;

/// Rows that the store takes in one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) sequence: i64,
    tallies: Vec<Tally>,
    users: Vec<UserRequests>,
    customers: Vec<CustomerRequests>,
    recent: Vec<RecentRequest>,
    /// How many decisions these are.
    pub(super) decisions: u64,
}

/// Makes batches, each with a number of its own.
#[derive(Debug)]
pub(super) struct Batches {
    /// The replica's name, which no other process has or had.
    pub(super) replica: String,
    names: Names,
    /// The store's own random number, once it is known.
    key: Option<hmac::Key>,
    sequence: i64,
    number: i64,
}

impl Batch {
    /// The same for the store.
    pub(super) fn flush<'b>(&'b self, replica: &'b str) -> Flush<'b> {
        let Self { sequence, tallies, users, customers, recent, .. } = self;
        Flush { replica, sequence: *sequence, tallies, users, customers, recent }
    }
}

impl Batches {
    pub(super) fn new(replica: String, names: Names) -> Self {
        Self { replica, names, key: None, sequence: 0, number: 0 }
    }

    /// Whether names can't be written before the store's number is known.
    pub(super) fn lack_key(&self) -> bool {
        self.names == Names::Hashed && self.key.is_none()
    }

    /// Takes the store's number for hashes of names.
    pub(super) fn take_key(&mut self, epoch: &[u8]) {
        self.key = Some(hmac::Key::new(hmac::HMAC_SHA256, epoch));
    }

    /// The batches of what was counted.
    pub(super) fn make(&mut self, drained: Drained) -> VecDeque<Batch> {
        let Drained { cells, customers, latest } = drained;
        let mut batches = VecDeque::new();
        for cells in cells.chunks(AT_ONCE) {
            let mut batch = self.next();
            for cell in cells {
                batch.decisions = batch.decisions.saturating_add(cell.count);
                batch.tallies.push(tally(cell));
                batch.users.extend(self.user(cell));
            }
            batches.push_back(batch);
        }
        for (at, customers) in customers.chunks(AT_ONCE).enumerate() {
            let customers = customers.iter().map(customer).collect();
            match batches.get_mut(at) {
                Some(batch) => batch.customers = customers,
                None => batches.push_back(Batch { customers, ..self.next() }),
            }
        }
        for (at, latest) in latest.chunks(AT_ONCE).enumerate() {
            let recent: Vec<_> = latest.iter().map(|one| self.request(one)).collect();
            match batches.get_mut(at) {
                Some(batch) => batch.recent = recent,
                None => batches.push_back(Batch { recent, ..self.next() }),
            }
        }
        batches
    }

    fn next(&mut self) -> Batch {
        self.sequence += 1;
        Batch { sequence: self.sequence, ..Batch::default() }
    }

    fn user(&self, cell: &Cell) -> Option<UserRequests> {
        let count = signed(cell.count);
        let of = |outcome| if cell.outcome == outcome { count } else { 0 };
        let is_without = cell.outcome.is_without_mfa();
        let last_of = |text: &str| if is_without { text.to_owned() } else { String::new() };
        Some(UserRequests {
            day: cell.day.number(),
            credential: credential(cell.portal).to_owned(),
            issuer: cell.issuer.to_string(),
            tenant: cell.tenant.to_string(),
            user: cell.user.as_ref()?.to_string(),
            name: self.name(cell.name.as_deref()),
            with_mfa: of(Outcome::WithMfa),
            refused: of(Outcome::Refused),
            exempt: of(Outcome::Exempt),
            report_only: of(Outcome::ReportOnly),
            off: of(Outcome::Off),
            last: if is_without { cell.last } else { 0 },
            application: last_of(&cell.application),
            route: last_of(&cell.route),
            kind: cell.kind.name().unwrap_or_default().to_owned(),
        })
    }

    fn request(&mut self, latest: &Latest) -> RecentRequest {
        let Latest { at, ids: (ids, middle), method, client, portal, outcome, route, proof } = latest;
        let (request_id, correlation_id) = ids.split_at_checked(*middle).unwrap_or((ids, ""));
        self.number += 1;
        let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
        RecentRequest {
            replica: self.replica.clone(),
            number: self.number,
            at: *at,
            request_id: request_id.to_owned(),
            correlation_id: correlation_id.to_owned(),
            method: method.to_string(),
            route: route.pattern.as_written().to_owned(),
            address: client.map(|client| client.to_string()).unwrap_or_default(),
            issuer: proof.issuer.name.clone(),
            tenant: own(proof.tenant.as_deref()),
            user: own(proof.principal.user().and_then(|user| user.id.as_deref())),
            name: self.name(proof.name.as_deref()),
            application: own(proof.principal.app().id.as_deref()),
            credential: credential(*portal).to_owned(),
            outcome: outcome.name().to_owned(),
            compliant: *outcome == Outcome::WithMfa,
        }
    }

    /// What is kept of a name.
    fn name(&self, name: Option<&str>) -> String {
        match (self.names, name, &self.key) {
            (Names::Stored, Some(name), _) => name.to_owned(),
            (Names::Hashed, Some(name), Some(key)) => {
                // Issuers write a name in one case or another.
                let hash = hmac::sign(key, name.to_lowercase().as_bytes());
                format!("#{:.22}", URL_SAFE_NO_PAD.encode(hash))
            }
            _ => String::new(),
        }
    }
}

fn tally(cell: &Cell) -> Tally {
    Tally {
        day: cell.day.number(),
        credential: credential(cell.portal).to_owned(),
        issuer: cell.issuer.to_string(),
        tenant: cell.tenant.to_string(),
        application: cell.application.to_string(),
        route: cell.route.to_string(),
        outcome: cell.outcome.name().to_owned(),
        exception: cell.exception.to_string(),
        count: signed(cell.count),
    }
}

fn customer(cell: &CustomerCell) -> CustomerRequests {
    let CustomerCell { day, issuer, customer, partner, requests, .. } = cell;
    let share = &requests.share;
    CustomerRequests {
        day: day.number(),
        issuer: issuer.to_string(),
        customer: customer.to_string(),
        partner: partner.to_string(),
        with_mfa: signed(share.with_mfa),
        refused: signed(share.refused),
        exempt: signed(share.exempt),
        report_only: signed(share.report_only),
        off: signed(share.off),
        app_only: signed(requests.app_only),
        by_context: signed(requests.by_context),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
