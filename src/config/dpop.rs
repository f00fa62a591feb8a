//! How senders prove the key that their token is bound to, from the file.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::algorithms::algorithms;
use super::problem::Problems;
use super::values::time;
use super::{NonceSettings, file};
use mfa_gateway_core::token::DpopRules;
use mfa_gateway_layer::SenderSettings;
use mfa_gateway_store::SealingKeys;

/// The time of a proof has whole seconds, and all of its window it has to be remembered.
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// Nonces that change more often refuse proofs that were made in time; others say too little of a proof's age.
const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(3600);

pub(super) fn build(file: &file::Dpop, problems: &mut Problems<'_>) -> SenderSettings {
    let SenderSettings { rules, remembered } = SenderSettings::default();
    let window = time("dpop.window", file.window.as_deref(), rules.window, WINDOW, problems);
    let remembered = file.remembered.map_or(remembered, |number| usize::try_from(number).unwrap_or(usize::MAX));
    if !(1_000..=100_000_000).contains(&remembered) {
        let message = format!("{remembered} is out of range");
        problems.add("dpop.remembered", message, "write a number from 1000 to 100000000");
    }
    let algorithms = algorithms("dpop", file.algorithms.as_deref(), &rules.algorithms, problems);
    SenderSettings { rules: DpopRules { algorithms, window }, remembered }
}

/// The nonces that proofs have to hold, if they do. `shared` are keys with another use, which all replicas have.
pub(super) fn nonces(
    file: &file::Dpop,
    shared: Option<&SealingKeys>,
    problems: &mut Problems<'_>,
) -> Option<NonceSettings> {
    const FIX: &str = "make a key with `openssl rand -base64 32 > nonce.key`, and name the file: `keys: [nonce.key]`";
    let nonce = file.nonce.as_ref()?;
    let lifetime = nonce.lifetime.as_deref();
    let lifetime = time("dpop.nonce.lifetime", lifetime, Duration::from_secs(300), LIFETIME, problems);
    let keys = if nonce.keys.is_some() {
        SealingKeys::read(&files(file)).map_err(|error| problems.add("dpop.nonce.keys", error.to_string(), FIX)).ok()
    } else {
        if shared.is_none() {
            let message =
                "nonces are made with a random key, so that no other replica accepts them, and none after a restart";
            problems.warn("dpop.nonce.keys", message, FIX);
        }
        shared.cloned()
    };
    Some(NonceSettings { keys, lifetime })
}

/// The files that nonces are made with.
pub(super) fn files(file: &file::Dpop) -> Vec<PathBuf> {
    file.nonce.iter().flat_map(|nonce| &nonce.keys).flatten().map(PathBuf::from).collect()
}
