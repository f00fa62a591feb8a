//! A new sealing key takes over: it seals the key of each record, in the place of an older one.
//!
//! Nothing here depends on who else is at it: a record that changes meanwhile is looked at again, and one that was done
//! before costs nothing.

use mfa_gateway_store::{Consent, StoreError};
use schemars::JsonSchema;
use serde::Serialize;

use super::keeper::Keeper;

/// How many records are read at once.
const PAGE: u32 = 500;

/// How often records that others change meanwhile are looked at again.
const PASSES: u32 = 5;

/// What the sealing keys seal, and what was changed about that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rewrapped {
    /// `consent_keys` in their order, and what each seals now.
    pub keys: Vec<KeyUse>,
    /// How many consents the first key took over.
    pub rewrapped: usize,
    /// How many it had sealed before.
    pub current: usize,
    /// How many another key still seals.
    pub due: usize,
    /// Those that no key opens.
    pub sealed: Vec<SealedConsent>,
}

/// What a sealing key seals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyUse {
    /// The key's name. It tells nothing of the key.
    pub id: String,
    /// How many consents it seals.
    pub consents: usize,
}

/// A consent that no key opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SealedConsent {
    /// The consent's name.
    pub consent: String,
    /// The name of the key that sealed it.
    pub key: String,
}

impl Keeper {
    /// Has the first of the sealing keys seal every consent in the store, also one that the configuration no longer names;
    /// with `only_look`, says what there is to do. All keepers share keys and store, so any of them can.
    ///
    /// # Errors
    ///
    /// If the store can't be used. What was done is done; another call goes on.
    pub async fn rewrap_all(&self, only_look: bool) -> Result<Rewrapped, StoreError> {
        let mut rewrapped = 0;
        for _ in 0..PASSES {
            let (found, changed) = self.pass(only_look).await?;
            rewrapped += changed;
            let is_done = only_look || found.due == 0;
            if is_done {
                return Ok(Rewrapped { rewrapped, current: found.current.saturating_sub(rewrapped), ..found });
            }
        }
        let (found, _) = self.pass(true).await?;
        Ok(Rewrapped { rewrapped, current: found.current.saturating_sub(rewrapped), ..found })
    }

    /// Looks at every record once, and how many it changed.
    async fn pass(&self, only_look: bool) -> Result<(Rewrapped, usize), StoreError> {
        let keys = self.seals.records.ids().into_iter().map(|id| KeyUse { id, consents: 0 }).collect();
        let (mut found, mut changed, mut after) = (Rewrapped { keys, ..Rewrapped::default() }, 0, String::new());
        loop {
            let page = self.store.consents(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((found, changed)) };
            after.clone_from(&last.id);
            for consent in page.iter().filter(|consent| !consent.envelope.data_key.is_empty()) {
                changed += usize::from(self.look_at(consent, only_look, &mut found).await?);
            }
        }
    }

    /// Counts a record, and whether it was changed.
    async fn look_at(&self, consent: &Consent, only_look: bool, found: &mut Rewrapped) -> Result<bool, StoreError> {
        let (envelope, records) = (&consent.envelope, &self.seals.records);
        // That it opens is seen at those of the first key as well: what looks current may be damaged.
        let Some(next) = envelope.rewrapped(records, &consent.context()) else {
            found.sealed.push(SealedConsent { consent: consent.id.clone(), key: envelope.key_id() });
            return Ok(false);
        };
        let is_current = envelope.is_current(records);
        let taken = !is_current && !only_look && self.swap(consent, &next).await?;
        let by =
            if taken { self.seals.records.ids().into_iter().next().unwrap_or_default() } else { envelope.key_id() };
        if let Some(key) = found.keys.iter_mut().find(|key| key.id == by) {
            key.consents += 1;
        }
        *if is_current || taken { &mut found.current } else { &mut found.due } += 1;
        Ok(taken)
    }

    async fn swap(&self, consent: &Consent, next: &[u8]) -> Result<bool, StoreError> {
        self.store.rewrap_consent(&consent.id, &consent.envelope.data_key, next).await
    }
}
