//! How senders prove the key that their token is bound to, from the file.

use std::time::Duration;

use super::algorithms::algorithms;
use super::file;
use super::problem::Problems;
use super::values::time;
use mfa_gateway_core::token::DpopRules;
use mfa_gateway_layer::SenderSettings;

/// The time of a proof has whole seconds, and all of its window it has to be remembered.
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

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
